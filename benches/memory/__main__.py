"""What Forebay's memory does under things that are large, many or long; see benches/README.md."""

import argparse
import sys
import tempfile
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
sys.path.append(str(HOUSE / "benches/compare"))

import burst
import crowd
import large
import readers
import soak
from cluster import Cluster

PARTS = {"burst": burst.run, "crowd": crowd.run, "large": large.run, "readers": readers.run, "soak": soak.run}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-memory", description=__doc__)
    parser.add_argument("--forebay", type=Path, default=HOUSE / "target/release/forebay", metavar="PROGRAM")
    parser.add_argument("--scale", type=float, default=1.0, metavar="N", help="so many clients, bytes and statements as usual; 0.01 for a short look")
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=f"of {', '.join(PARTS)}; all")
    chosen = parser.parse_args()
    fine = True
    with tempfile.TemporaryDirectory(prefix="forebay-memory-") as folder, Cluster(Path(folder)) as cluster:
        for name in chosen.parts or PARTS:
            print(f"\n**{name}**\n", flush=True)
            fine &= PARTS[name](chosen.forebay, cluster, chosen.scale)
    sys.exit(not fine)


main()
