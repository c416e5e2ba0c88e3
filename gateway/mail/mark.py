"""The one header field that says what we think of a mail: for agents' tools, invisible to a reader."""

from gateway.values import Assessment

COURTESY = "X-Courtesy"


def courtesy_field(assessment: Assessment, reference: str) -> str:
    """The field's value.

    Args:
        assessment: of the mail.
        reference: of the incident or of this delivery.

    Returns:
        str: `level=...; points=...; id=...; rules=...`; no word of the mail is in it.
    """
    level = assessment.level.word if assessment.level is not None else "unscored"
    return f"level={level}; points={assessment.points}; id={reference}; rules={assessment.rules_version or '-'}"
