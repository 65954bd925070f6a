"""Planning and running: ingest, measure, resolve, decide, mix, release; on this machine's cores."""
