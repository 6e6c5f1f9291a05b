import django.db.models.deletion
import i18nfield.fields
from django.conf import settings
from django.db import migrations, models

import common.codes
import common.text

KINDS = [
    ("text", "text"),
    ("long_text", "long text"),
    ("number", "number"),
    ("choice", "choice"),
    ("multiple_choice", "multiple choice"),
    ("yes_no", "yes or no"),
    ("date", "date"),
    ("country", "country"),
    ("phone", "telephone number"),
    ("file", "file"),
    ("consent", "consent"),
]
VERSIONED = ("kind", "label", "help_text", "options", "settings")


def first_versions(apps, schema_editor):
    """Options move into their question; every question gets the version that has been answered so far."""
    Question = apps.get_model("registrations", "Question")
    QuestionVersion = apps.get_model("registrations", "QuestionVersion")
    Answer = apps.get_model("registrations", "Answer")
    for question in Question.objects.select_related("event"):
        locales = question.event.locales or [settings.LANGUAGE_CODE]
        question.options = [
            {
                "identifier": option.identifier,
                "label": option.label.data if isinstance(option.label.data, dict) else {locales[0]: str(option.label)},
            }
            for option in question.choices.order_by("position", "pk")
        ]
        version = QuestionVersion.objects.create(
            question=question,
            number=1,
            created_at=question.event.created_at,
            **{name: getattr(question, name) for name in VERSIONED},
        )
        question.version = version
        question.save()
        Answer.objects.filter(question=question).update(version=version)
    Answer.objects.update(
        answered_at=models.Subquery(
            apps.get_model("registrations", "Registration")
            .objects.filter(pk=models.OuterRef("registration"))
            .values("registered_at")[:1]
        )
    )
    # Otherwise the columns cannot be altered in the same transaction.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_institution_search_and_family_name"),
        ("events", "0002_event_search_text"),
        ("registrations", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="questionoption",
            name="question",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="choices", to="registrations.question"
            ),
        ),
        migrations.CreateModel(
            name="QuestionSection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", i18nfield.fields.I18nCharField(max_length=200, verbose_name="title")),
                (
                    "description",
                    i18nfield.fields.I18nTextField(blank=True, max_length=2000, verbose_name="description"),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="question_sections",
                        to="events.event",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="question",
            name="kind",
            field=models.CharField(choices=KINDS, default="text", max_length=20, verbose_name="kind"),
        ),
        migrations.AlterField(
            model_name="question",
            name="help_text",
            field=i18nfield.fields.I18nTextField(blank=True, max_length=2000, verbose_name="help"),
        ),
        migrations.AddField(model_name="question", name="options", field=models.JSONField(blank=True, default=list)),
        migrations.AddField(model_name="question", name="settings", field=models.JSONField(blank=True, default=dict)),
        migrations.AddField(
            model_name="question",
            name="section",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="questions",
                to="registrations.questionsection",
            ),
        ),
        migrations.AddField(
            model_name="question",
            name="is_sensitive",
            field=models.BooleanField(default=False, verbose_name="keep no draft"),
        ),
        migrations.AddField(
            model_name="question",
            name="condition_question",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="dependents",
                to="registrations.question",
            ),
        ),
        migrations.AddField(
            model_name="question", name="condition_values", field=models.JSONField(blank=True, default=list)
        ),
        migrations.AddField(
            model_name="question",
            name="ticket_types",
            field=models.ManyToManyField(blank=True, related_name="questions", to="registrations.tickettype"),
        ),
        migrations.CreateModel(
            name="QuestionVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, default="text", max_length=20, verbose_name="kind")),
                ("label", i18nfield.fields.I18nCharField(max_length=300, verbose_name="question")),
                ("help_text", i18nfield.fields.I18nTextField(blank=True, max_length=2000, verbose_name="help")),
                ("options", models.JSONField(blank=True, default=list)),
                ("settings", models.JSONField(blank=True, default=dict)),
                ("number", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField()),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="registrations.question",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="questionversion",
            constraint=models.UniqueConstraint(
                fields=("question", "number"), name="registrations_questionversion_number_once"
            ),
        ),
        migrations.AddField(
            model_name="question",
            name="version",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="registrations.questionversion",
            ),
        ),
        migrations.AddField(
            model_name="answer",
            name="version",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="answers",
                to="registrations.questionversion",
            ),
        ),
        migrations.AddField(model_name="answer", name="answered_at", field=models.DateTimeField(null=True)),
        migrations.RunPython(first_versions, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="answer",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="answers",
                to="registrations.questionversion",
            ),
        ),
        migrations.AlterField(model_name="answer", name="answered_at", field=models.DateTimeField()),
        migrations.DeleteModel(name="QuestionOption"),
        migrations.AddField(
            model_name="registration",
            name="family_name",
            field=models.CharField(
                blank=True,
                max_length=200,
                validators=[common.text.validate_single_line],
                verbose_name="family name",
            ),
        ),
        migrations.AddField(
            model_name="registration",
            name="institution",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.institution",
            ),
        ),
        migrations.CreateModel(
            name="AnswerFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(default=common.codes.new_secret, max_length=40, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("media_type", models.CharField(max_length=100)),
                ("size", models.PositiveIntegerField()),
                ("file", models.FileField(max_length=200, upload_to="")),
                ("uploaded_at", models.DateTimeField()),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="answer_files", to="events.event"
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="files", to="registrations.question"
                    ),
                ),
                (
                    "registration",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="files",
                        to="registrations.registration",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("registration", None)),
                        fields=["uploaded_at"],
                        name="registrations_file_unattached",
                    )
                ]
            },
        ),
    ]
