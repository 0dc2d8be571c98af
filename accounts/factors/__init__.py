"""What a person can prove themself with after the password. One module for each kind, one for what they share.

Methods, as the API names them: `otp` (a code to the phone), `totp` (authenticator app), `passkey`, `backup_code`.
"""
