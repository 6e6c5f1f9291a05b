from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Preference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("recipient_key", models.CharField(max_length=254)),
                ("event_id", models.BigIntegerField(null=True)),
                ("unsubscribed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("recipient_key", "event_id"),
                        name="notifications_preference_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="message",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("withdrawn", "What it was about has gone or moved."),
                    ("expired", "It could not go out before it was too late."),
                    ("unsubscribed", "The recipient has unsubscribed from mails of this kind."),
                    ("by_hand", "An organizer cancelled it."),
                ],
                # A default in the database: rows that an older process writes while this is rolled out have none of their own.
                default="",
                db_default="",
                max_length=12,
            ),
        ),
        migrations.AlterField(model_name="message", name="message_id", field=models.CharField(max_length=200)),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(fields=("message_id",), name="notifications_message_id_once"),
        ),
    ]
