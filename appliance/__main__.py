"""`python -m appliance`: the same door as the `weir` executable."""

from appliance.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
