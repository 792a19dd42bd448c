"""``python -m synthetic_data.samples``: write the samples of the repository anew."""

from __future__ import annotations

from synthetic_data.samples import HERE, write_samples

files = write_samples()
print(f"{len(files)} files, {sum(file.stat().st_size for file in files):,} bytes in {HERE.name}/")
