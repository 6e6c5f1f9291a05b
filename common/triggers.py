"""Triggers of the database as constraints of models, so that migrations and test databases have them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table


class Trigger(models.BaseConstraint):
    """Base; `sql` makes the function and the trigger `%(name)s` on `%(table)s`."""

    sql: ClassVar[str]

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        # Once the table is there: a trigger is no part of its definition.
        assert schema_editor is not None
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        return self._statement(self.sql, model, schema_editor)

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        return self._statement("DROP TRIGGER %(name)s ON %(table)s", model, schema_editor)

    def table_of(self, model: type[models.Model]) -> str:
        return model._meta.db_table

    def _statement(
        self, sql: str, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement:
        assert model is not None
        assert schema_editor is not None
        quote = schema_editor.quote_name
        return Statement(sql, table=Table(self.table_of(model), quote), name=quote(self.name), **self._values())

    def _values(self) -> dict[str, str]:
        return {}

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Nothing that one row could violate."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.deconstruct() == self.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)


class AppendOnly(Trigger):
    """Rows are neither changed nor deleted, whatever a program does."""

    sql = """
        CREATE OR REPLACE FUNCTION lihu_append_only() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE restrict_violation USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$;
        CREATE TRIGGER %(name)s BEFORE UPDATE OR DELETE ON %(table)s
            FOR EACH ROW EXECUTE FUNCTION lihu_append_only()
    """


class Revises(Trigger):
    """Whatever changes a row gives its event a new revision (`common.models.EventRevision`) in the same transaction.

    `events`: SQL that finds the events' ids for the row `$1`. `field`: the rows are those of this many-to-many field.
    """

    sql = """
        CREATE OR REPLACE FUNCTION lihu_revise() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                revise text := 'INSERT INTO common_eventrevision AS kept (event_id, number)
                    SELECT DISTINCT found.id, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                    FROM (' || TG_ARGV[0] || ') AS found (id) ORDER BY found.id
                    ON CONFLICT (event_id) DO UPDATE SET number = greatest(excluded.number, kept.number + 1)';
            BEGIN
                IF TG_OP = 'DELETE' THEN EXECUTE revise USING OLD; ELSE EXECUTE revise USING NEW; END IF;
                RETURN NULL;
            END $$;
        CREATE TRIGGER %(name)s AFTER INSERT OR UPDATE OR DELETE ON %(table)s
            FOR EACH ROW EXECUTE FUNCTION lihu_revise('%(events)s')
    """

    def __init__(self, *, name: str, events: str = "SELECT ($1).event_id", field: str = "") -> None:
        super().__init__(name=name)
        self.events, self.field = events, field

    def table_of(self, model: type[models.Model]) -> str:
        if not self.field:
            return super().table_of(model)
        field: Any = model._meta.get_field(self.field)
        return str(field.remote_field.through._meta.db_table)

    def _values(self) -> dict[str, str]:
        return {"events": self.events}

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, arguments, keywords = super().deconstruct()
        return path, arguments, {**keywords, "events": self.events, "field": self.field}
