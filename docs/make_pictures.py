"""Make the pictures of the pages: runs each page's own code in a folder, and keeps what it draws.

python docs/make_pictures.py [tutorial ae-or-vae]
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent.resolve()
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXTRA = {
    "tutorial": (
        "from variata.tasks.show import sample_picture\n"
        "open('tutorial-samples.png', 'wb').write(sample_picture(model, five))\n"
        "open('tutorial-map.png', 'wb').write(picture)\n"
    )
}


def main() -> None:
    for name in sys.argv[1:] or ["tutorial", "ae-or-vae"]:
        code = "\n".join(BLOCK.findall((DOCS / f"{name}.md").read_text())) + EXTRA.get(name, "")
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            exec(compile(code, name, "exec"), {"__name__": name})
            for picture in Path(folder).glob("*.png"):
                if picture.name != "map.png":
                    shutil.copy(picture, DOCS / "pictures" / picture.name)
            os.chdir(DOCS)


if __name__ == "__main__":
    main()
