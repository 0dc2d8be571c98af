from django.db import migrations, models


def forget_sums(apps, schema_editor):
    """What was summed in the old shape is summed anew by the next `roll_up`: every attempt is still there."""
    for name in ("HourlyTotal", "DailyTotal", "AnswerTimes"):
        apps.get_model("otp", name).objects.all().delete()
    apps.get_model("otp", "Progress").objects.filter(job="roll_up").delete()


class Migration(migrations.Migration):

    dependencies = [
        ('otp', '0012_attempt_country'),
    ]

    operations = [
        migrations.RunPython(forget_sums, migrations.RunPython.noop),
        migrations.RemoveIndex(
            model_name='dailytotal',
            name='total_by_day',
        ),
        migrations.AddField(
            model_name='dailytotal',
            name='dimension',
            field=models.CharField(default='', help_text='One of `otp.operations.totals.DAILY`.', max_length=20),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name='dailytotal',
            index=models.Index(fields=['dimension', 'day'], name='total_by_day'),
        ),
        migrations.CreateModel(
            name='HourlyOutcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('kind', models.CharField(choices=[('send', 'send'), ('check', 'check'), ('notice', 'notice')], max_length=10)),
                ('outcome', models.CharField(choices=[('crashed', 'crashed'), ('ok', 'ok'), ('no_account', 'no such account'), ('invalid_destination', 'invalid destination'), ('channel_unavailable', 'channel unavailable'), ('country_not_allowed', 'country not allowed'), ('destination_blocked', 'destination blocked'), ('incorrect_code', 'incorrect code'), ('code_expired', 'code expired'), ('not_found', 'not found'), ('conflict', 'conflict'), ('too_many_requests', 'too many requests'), ('too_many_attempts', 'too many wrong codes'), ('provider_unavailable', 'provider unavailable'), ('not_configured', 'not configured'), ('invalid_request', 'refused by Twilio as invalid')], max_length=20)),
                ('count', models.PositiveIntegerField()),
                ('estimated_cost', models.DecimalField(decimal_places=5, max_digits=14)),
                ('cost', models.DecimalField(decimal_places=5, max_digits=14)),
                ('priced', models.PositiveIntegerField()),
            ],
            options={
                'verbose_name': 'hourly total by outcome',
                'verbose_name_plural': 'hourly totals by outcome',
                'indexes': [models.Index(fields=['hour'], name='hourly_outcome_by_hour')],
            },
        ),
    ]
