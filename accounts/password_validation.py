"""What a password may not be, beside Django's own rules."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class ProductNameValidator:
    """Refuse passwords that are little more than the product's name: they are the first that anyone tries."""

    names = ("smartfin",)
    min_other_characters = 8

    def validate(self, password: str, user: object = None) -> None:
        folded = password.casefold()
        for name in self.names:
            if name in folded and len(folded.replace(name, "")) < self.min_other_characters:
                raise ValidationError(self.get_help_text(), code="password_is_product_name")

    def get_help_text(self) -> str:
        return _("Your password can’t be built on the name of this site.")
