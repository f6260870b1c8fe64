"""Prefect with the policy ``INPUTS + TASK_SOURCE``; the default adds the id of the run, which no later run shares."""

from types import SimpleNamespace

from prefect import task
from prefect.cache_policies import INPUTS, TASK_SOURCE

from jumar.testing.conformance import answer


class Prefect:
    def key_of_value(self, value):
        return INPUTS.compute_key(task_ctx=None, inputs={"value": value}, flow_parameters={})

    def key_of_function(self, function, name):
        context = SimpleNamespace(task=task(name=name)(function))  # the policy asks the context for the task alone
        return TASK_SOURCE.compute_key(task_ctx=context, inputs={}, flow_parameters={})


if __name__ == "__main__":
    answer(Prefect())
