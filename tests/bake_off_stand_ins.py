"""Processes that stand in for the engine in tests of bake-offs: they learn and score at once, by a name."""

#: Learns at once; "breaks" says why it cannot, "dies" leaves without a word, "waits" learns until it is told to stop.
TRAINING = """
import json, sys, time
from pathlib import Path
from segstudio.jobs.messages import Failed, Finished, Metric, Started
from segstudio.jobs.run_folder import RunFolder
run = RunFolder(Path(sys.argv[1]))
job = run.job()
run.claim()
def say(message):
    run.append(message.model_copy(update={"time": time.time(), "job_id": job.job_id}))
def told():
    text = run.control_file.read_text() if run.control_file.exists() else ""
    return [json.loads(line)["command"] for line in text.splitlines()]
say(Started(device="cpu", device_name="a processor", pid=1))
name = job.formulation.name
if name == "breaks":
    say(Failed(code="out-of-memory", message="The memory did not suffice.", hint="Choose a smaller network."))
    sys.exit(4)
if name == "dies":
    sys.exit(9)
say(Metric(epoch=1, step=1, elapsed_s=30, values={"val_f1": 0.4}, best=True))
run.model.mkdir(exist_ok=True)
(run.model / "model.json").write_text('{}')
run.checkpoints.mkdir(exist_ok=True)
(run.checkpoints / "last").write_text("1")
while name == "waits" and not job.resume:
    if "stop" in told():
        say(Finished(outcome="stopped"))
        sys.exit()
    time.sleep(0.01)
say(Finished(outcome="done"))
"""

#: Scores each model by the name of its formulation.
WORKER = """
import json, sys
from pathlib import Path
from segstudio.jobs.evaluation import Evaluation, ImageCounts
from segstudio.jobs.messages import Failed, Finished, to_line
FOUND = {"good": 9, "fair": 7, "poor": 2}
for line in sys.stdin:
    job = json.loads(line)
    if job["kind"] != "evaluate":
        continue
    name = json.loads((Path(job["model"]).parent / "job.json").read_text())["formulation"]["name"]
    if name == "misfit":
        print(to_line(Failed(job_id=job["job_id"], code="x", message="It does not fit.", hint="")), flush=True)
        continue
    images = []
    for number, sample in enumerate(job["samples"]):
        found = max(0, FOUND.get(name, 5) - number % 2)
        row = [found] * 10
        images.append(ImageCounts(image_id=sample["image_id"], tp=row, fp=[10 - found] * 10, fn=[10 - found] * 10))
    report = Evaluation(
        thresholds=[0.5 + 0.05 * k for k in range(10)],
        images=images,
        seconds_per_megapixel=1,
        parameters=5,
        weights_mb=1,
    )
    Path(job["report"]).write_text(report.model_dump_json())
    print(to_line(Finished(job_id=job["job_id"], outcome="done")), flush=True)
"""
