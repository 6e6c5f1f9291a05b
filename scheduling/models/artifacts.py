from __future__ import annotations

from django.db import models


class Artifact(models.Model):
    """One public page or file of a release, rendered and compressed once, and served as it is."""

    schedule = models.ForeignKey("scheduling.Schedule", on_delete=models.CASCADE, related_name="artifacts")
    # Below /EVENT/, such as `schedule/`, `sessions/ABC123/`, `schedule/export/schedule.ics`.
    path = models.CharField(max_length=200)
    # Empty where the bytes are the same in every language.
    language = models.CharField(max_length=10, blank=True)
    content_type = models.CharField(max_length=100)
    # SHA-256 of the uncompressed bytes, in hex.
    digest = models.CharField(max_length=64)
    brotli = models.BinaryField()
    gzip = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "path", "language"], name="scheduling_artifact_once")
        ]

    def __str__(self) -> str:
        return self.path
