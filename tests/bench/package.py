"""Package size, zipped."""

from tests.bench.options import Options
from tests.bench.packaged import packages
from tests.bench.results import Row, Table


def measure(_options: Options) -> list[Table]:
    """Measure the zips, in megabytes."""
    sizes = {side: [package.zipped_bytes / 1e6] for side, package in packages().items()}
    note = "Trimmed and byte-compiled alike. Only ours contains Swagger UI: FastAPI's pages load it from a CDN."
    return [Table("Package", [Row("zip", "MB", sizes)], note)]
