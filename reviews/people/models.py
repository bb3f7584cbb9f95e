"""Accounts: persons, who sign in and decide, and agents, who hold tokens only."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils import timezone

SIGNIN_LINK_LIFE = timedelta(minutes=30)
IDEMPOTENCY_LIFE = timedelta(hours=24)


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, name: str, email: str = "", password: str | None = None, **fields: Any) -> Account:
        account = Account(name=name, email=self.normalize_email(email), **fields)
        account.set_password(password)
        account.save()
        return account

    def create_superuser(
        self, name: str, email: str = "", password: str | None = None, **fields: Any
    ) -> Account:
        return self.create_user(name, email, password, is_staff=True, is_superuser=True, **fields)


class Account(AbstractBaseUser, PermissionsMixin):
    class Kind(models.TextChoices):
        PERSON = "person"
        AGENT = "agent"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        max_length=150,
        unique=True,
        validators=[RegexValidator(r"^[\w.@+-]+\Z", "Letters, digits and . @ + - _ only.")],
    )
    title = models.CharField(max_length=150, blank=True, help_text="As shown to people, such as a full name.")
    email = models.EmailField(blank=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PERSON)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "name"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="account_name_any_case"),
            models.UniqueConstraint(Lower("email"), condition=~Q(email=""), name="account_email_any_case"),
        ]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def is_person(self) -> bool:
        return self.kind == self.Kind.PERSON

    def get_full_name(self) -> str:
        return str(self)


class SigninLink(models.Model):
    """A one-time address that signs a person in; only the hash of its secret is kept."""

    secret_hash = models.CharField(max_length=64, primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="signin_links")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Token(models.Model):
    """A bearer token of an account in one workspace, kept as sha256; shown once when made."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="tokens")
    workspace = models.ForeignKey("reviews.Workspace", models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list, help_text="Rights that it may use, or *.")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)


class IdempotencyKey(models.Model):
    """What an account's request with this key was answered, kept 24 hours and written with its effect."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="sha256 over method, path and body.")
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="idempotency_key_once")]
