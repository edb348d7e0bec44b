"""What SCIM says of itself (RFC 7643 5 to 7): features, types of resources and their attributes. Only what is there is claimed."""

from typing import Any, Final

from homeport.scim.types import (
    BASE,
    CONFIG_SCHEMA,
    GROUP_SCHEMA,
    MOST_RESULTS,
    SCHEMA_SCHEMA,
    TYPE_SCHEMA,
    USER_SCHEMA,
)

Node = dict[str, Any]
_TYPES: Final = {"User": ("/Users", USER_SCHEMA, "Accounts"), "Group": ("/Groups", GROUP_SCHEMA, "Groups")}


def service_provider_config(url: str) -> Node:
    """Return which features there are."""
    return {
        "schemas": [CONFIG_SCHEMA],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The token that the deployment's setting SCIM_AUTH_HEADER holds, as Authorization: Bearer.",
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{url}{BASE}/ServiceProviderConfig",
        },
    }


def resource_types(url: str) -> list[Node]:
    """Return the types of resources."""
    return [
        {
            "schemas": [TYPE_SCHEMA],
            "id": name,
            "name": name,
            "endpoint": endpoint,
            "description": words,
            "schema": schema,
            "meta": {"resourceType": "ResourceType", "location": f"{url}{BASE}/ResourceTypes/{name}"},
        }
        for name, (endpoint, schema, words) in _TYPES.items()
    ]


def schemas(url: str) -> list[Node]:
    """Return the attributes of each type."""
    return [
        {
            "schemas": [SCHEMA_SCHEMA],
            "id": schema,
            "name": name,
            "description": words,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"{url}{BASE}/Schemas/{schema}"},
        }
        for schema, name, words, attributes in (
            (USER_SCHEMA, "User", "An account", _USER),
            (GROUP_SCHEMA, "Group", "A group of an organization", _GROUP),
        )
    ]


def _attribute(name: str, words: str, **other: Any) -> Node:
    """Describe an attribute (RFC 7643 7); what is not said is the usual."""
    usual = {
        "type": "string",
        "multiValued": False,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
    return {"name": name, "description": words, **usual, **other}


_USER: Final = [
    _attribute("userName", "The provider's name of the account.", required=True, uniqueness="server"),
    _attribute("displayName", "The name that people see."),
    _attribute(
        "name",
        "The parts of the person's name.",
        type="complex",
        subAttributes=[
            _attribute("formatted", "The whole name."),
            _attribute("givenName", "The given name."),
            _attribute("familyName", "The family name."),
        ],
    ),
    _attribute("active", "Whether the account works; false is suspended.", type="boolean", required=True),
    _attribute(
        "emails",
        "The address of the account. Of several the primary one is kept.",
        type="complex",
        multiValued=True,
        required=True,
        subAttributes=[
            _attribute("value", "The address.", required=True, uniqueness="server"),
            _attribute("type", "What the provider calls it.", canonicalValues=["work", "home", "other"]),
            _attribute("primary", "Always true of the one that is kept.", type="boolean", mutability="readOnly"),
        ],
    ),
    _attribute(
        "groups",
        "The groups that the account is in.",
        type="complex",
        multiValued=True,
        mutability="readOnly",
        subAttributes=[
            _attribute("value", "The id of the group.", mutability="readOnly", caseExact=True),
            _attribute(
                "$ref", "The address of the group.", type="reference", referenceTypes=["Group"], mutability="readOnly"
            ),
            _attribute("display", "The name of the group.", mutability="readOnly"),
            _attribute("type", "Always direct.", mutability="readOnly", canonicalValues=["direct"]),
        ],
    ),
]
_GROUP: Final = [
    _attribute("displayName", "The name that people see.", required=True, uniqueness="server"),
    _attribute(
        "members",
        "The people in the group.",
        type="complex",
        multiValued=True,
        subAttributes=[
            _attribute("value", "The id of the account.", mutability="immutable", caseExact=True),
            _attribute(
                "$ref", "The address of the account.", type="reference", referenceTypes=["User"], mutability="immutable"
            ),
            _attribute("display", "The name of the person.", mutability="readOnly"),
            _attribute("type", "Always User.", mutability="immutable", canonicalValues=["User"]),
        ],
    ),
]
