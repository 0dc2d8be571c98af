from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('otp', '0013_narrow_totals'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='verification',
            index=models.Index(fields=['status', 'created_at'], name='verification_by_status'),
        ),
        migrations.AddIndex(
            model_name='verification',
            index=models.Index(fields=['purpose', 'created_at'], name='verification_by_purpose'),
        ),
        migrations.AddIndex(
            model_name='verification',
            index=models.Index(fields=['channel', 'created_at'], name='verification_by_channel'),
        ),
        migrations.AddIndex(
            model_name='verification',
            index=models.Index(fields=['country', 'created_at'], name='verification_by_country'),
        ),
    ]
