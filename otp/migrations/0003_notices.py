from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('otp', '0002_kept_code'),
    ]

    operations = [
        # PostgreSQL: a longer varchar changes the catalogue alone, no row is read or written.
        migrations.AlterField(
            model_name='verificationattempt',
            name='kind',
            field=models.CharField(choices=[('send', 'send'), ('check', 'check'), ('notice', 'notice')], max_length=10),
        ),
    ]
