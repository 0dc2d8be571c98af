"""Where static files lie on a site that people use."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Compressed once, under names that hold a hash of the content, imports between JavaScript modules included.

    The names without a hash stay as well: `/static/otp/api.js` is what pages of other sites load.
    """

    support_js_module_import_aggregation = True
