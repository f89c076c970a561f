"""What was answered, as Parquet files by model and hour, with a catalogue that says which of them count.

Below the data folder: `store/answers/<model>/<YYYY-MM-DDTHH>/*.parquet` and `store/refusals/<YYYY-MM-DDTHH>/*.parquet` are
for everybody to read; `state/store.sqlite` is the catalogue, `state/index` finds request ids, `state/store.lock` names
the one process that may write.
"""
