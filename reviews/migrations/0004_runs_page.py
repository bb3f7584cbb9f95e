import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0003_namespaces"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["run_id"], name="run_named"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("parent", None), _negated=True),
                fields=["parent", "-created_at", "-id"],
                name="run_children",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="parent",
            field=models.ForeignKey(
                db_index=False,
                help_text="The run that started it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="children",
                to="reviews.run",
            ),
        ),
    ]
