"""`python -m p4kube`."""

from p4kube.cli import main

if __name__ == "__main__":
    main()
