"""What Terraform asks of a provider, call by call.

All types are as those of Terraform's protocol 6 (https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol), which
nothing here can check: the messages have no types. That the calls fit is shown by the tests with the real program.
"""

import functools
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from tf.gen import tfplugin_pb2 as messages

from homeport_terraform_provider.facts import Facts
from homeport_terraform_provider.kinds import DataSource, Planning, Provider, Resource
from homeport_terraform_provider.planning import check, conform, fill
from homeport_terraform_provider.values import Problems, Values
from homeport_terraform_provider.wire import read, write, write_problems, write_schema

Answer = dict[str, Any]
Call = Callable[["Service", Any, Problems], Answer]


class Service:
    """One provider. Calls come from several threads; nothing here changes after the configuration."""

    def __init__(self, provider: Provider, facts: Facts) -> None:
        self._provider = provider
        self._facts = facts

    def methods(self) -> Mapping[str, tuple[Any, Callable[[Any], Any]]]:
        """Return for each call how its request is read, and what answers it."""
        found = {}
        for name, call in _CALLS.items():
            # The message of one call is the only one that has its name in the singular.
            message = getattr(messages, name)
            found[name] = (message.Request.FromString, functools.partial(self._answer, name, message.Response, call))
        return found

    def _answer(self, name: str, response: Any, call: Call, request: Any) -> Any:
        problems = Problems()
        try:
            answer = call(self, request, problems)
        except Exception as error:  # reason: Terraform would say only that the provider is gone
            traceback.print_exc(file=sys.stderr)
            problems.error(
                (), "The bundled provider has made a mistake", f"{name}: {type(error).__name__}. Please report it."
            )
            answer = {}
        return response(**answer, diagnostics=write_problems(problems)) if name != "StopProvider" else response()

    def _resource(self, request: Any) -> Resource:
        return self._provider.resources[request.type_name]

    def _data_source(self, request: Any) -> DataSource:
        return self._provider.data_sources[request.type_name]

    def get_schema(self, request: Any, problems: Problems) -> Answer:
        """Tell all types."""
        return {
            "provider": write_schema(self._provider.block),
            "resource_schemas": {name: write_schema(kind.block) for name, kind in self._provider.resources.items()},
            "data_source_schemas": {
                name: write_schema(kind.block) for name, kind in self._provider.data_sources.items()
            },
            "server_capabilities": messages.ServerCapabilities(get_provider_schema_optional=True),
        }

    def check_configuration(self, request: Any, problems: Problems) -> Answer:
        """Check the block `provider`."""
        check(self._provider.block, read(request.config) or {}, problems)
        return {}

    def configure(self, request: Any, problems: Problems) -> Answer:
        """Take over the block `provider`."""
        url = (read(request.config) or {}).get("url")
        if isinstance(url, str) and url:
            self._facts.url = url.rstrip("/")
        return {}

    def check_resource(self, request: Any, problems: Problems) -> Answer:
        """Check one resource of the configuration."""
        self._check(self._resource(request), read(request.config) or {}, problems)
        return {}

    def check_data_source(self, request: Any, problems: Problems) -> Answer:
        """Check one data source of the configuration."""
        self._check(self._data_source(request), read(request.config) or {}, problems)
        return {}

    def _check(self, kind: Resource | DataSource, config: Values, problems: Problems) -> None:
        """Check what is configured. No mistake in it keeps a workspace from being stopped or deleted."""
        check(kind.block, config, problems)
        kind.check(config, problems)
        if self._facts.transition != "start":
            problems.forgive()

    def upgrade(self, request: Any, problems: Problems) -> Answer:
        """Take over a state that another version, or Coder's provider, has written."""
        raw = json.loads(request.raw_state.json or b"{}")
        return {"upgraded_state": write(conform(self._resource(request).block, raw if isinstance(raw, dict) else {}))}

    def refresh(self, request: Any, problems: Problems) -> Answer:
        """Look at what there is: it is what the state says."""
        return {"new_state": request.current_state, "private": request.private}

    def plan(self, request: Any, problems: Problems) -> Answer:
        """Say what a resource would be."""
        if read(request.proposed_new_state) is None:
            return {"planned_state": request.proposed_new_state, "planned_private": request.prior_private}
        planned = self._plan(request, request.prior_private, problems)
        return {"planned_state": write(planned), "planned_private": request.prior_private}

    def apply(self, request: Any, problems: Problems) -> Answer:
        """Make a resource as it was planned."""
        if read(request.planned_state) is None:
            return {"new_state": request.planned_state}
        values = self._plan(request, request.planned_private, Problems())
        self._resource(request).make(values)
        return {"new_state": write(values), "private": json.dumps({"build": self._facts.build_id}).encode()}

    def _plan(self, request: Any, private: bytes, problems: Problems) -> Values:
        kind = self._resource(request)
        prior = read(request.prior_state)
        values = fill(kind.block, read(request.config) or {}, prior)
        kind.plan(values, Planning(prior=prior, made_by=_build_of(private), facts=self._facts, problems=problems))
        return values

    def read_data_source(self, request: Any, problems: Problems) -> Answer:
        """Read a data source."""
        kind = self._data_source(request)
        config = read(request.config) or {}
        # What was not known when the configuration was checked is known now.
        self._check(kind, config, problems)
        if problems.has_errors:
            return {}
        values = fill(kind.block, config)
        kind.read(values, self._facts, problems)
        return {"state": write(values)}

    def import_resource(self, request: Any, problems: Problems) -> Answer:
        """Refuse to take over what exists elsewhere: these resources exist nowhere else."""
        problems.error((), f"{request.type_name} cannot be imported", "It exists in the state only.")
        return {}

    def move_resource(self, request: Any, problems: Problems) -> Answer:
        """Refuse to make one type of another."""
        problems.error(
            (), f"{request.source_type_name} cannot become {request.target_type_name}", "Remove it from the state."
        )
        return {}

    def stop(self, request: Any, problems: Problems) -> Answer:
        """End what is under way: nothing here takes time."""
        return {}


_CALLS: Mapping[str, Call] = {
    "GetProviderSchema": Service.get_schema,
    "ValidateProviderConfig": Service.check_configuration,
    "ConfigureProvider": Service.configure,
    "ValidateResourceConfig": Service.check_resource,
    "ValidateDataResourceConfig": Service.check_data_source,
    "UpgradeResourceState": Service.upgrade,
    "ReadResource": Service.refresh,
    "PlanResourceChange": Service.plan,
    "ApplyResourceChange": Service.apply,
    "ReadDataSource": Service.read_data_source,
    "ImportResourceState": Service.import_resource,
    "MoveResourceState": Service.move_resource,
    "StopProvider": Service.stop,
}


def _build_of(private: bytes) -> str:
    """Return the build that made a resource; Coder's provider keeps other things here."""
    try:
        found = json.loads(private or b"{}")
    except ValueError:
        return ""
    return str(found.get("build", "")) if isinstance(found, dict) else ""
