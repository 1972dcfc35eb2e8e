"""Package size, zipped."""

from tests.bench.options import Options
from tests.bench.packaged import packages
from tests.bench.results import Row, Table


def measure(_options: Options) -> Table:
    """Measure the zips, in megabytes."""
    ours, peer, plain = ([packages()[variant].zipped_bytes / 1e6] for variant in ("ours", "peer", "plain"))
    return Table(
        "Package, zipped",
        [
            Row(name="packaged alike", unit="MB", ours=ours, peer=peer),
            Row(name="peer as usually packaged", unit="MB", ours=ours, peer=plain),
        ],
        "Alike: byte-compiled, without botocore's unused data. Usually: everything that `pip install -t` installs. "
        "Ours contains Swagger UI, which the peer loads from a CDN.",
    )
