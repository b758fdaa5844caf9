"""The command line, one verb a file. torch is imported only by what needs it."""
