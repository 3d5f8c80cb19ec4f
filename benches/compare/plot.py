"""The figures as pictures."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "forebay", "font.size": 9, "axes.spines.top": False,
                            "axes.spines.right": False})
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

COLOURS = {"direct": "#8c8c8c", "HAProxy": "#d98a29", "Forebay": "#1f6fb2", "bare relay": "#b9c7d3"}
MORE_COLOURS = ["#5a9e4b", "#a355a6", "#bf4a4a"]


def draw(figures: dict, folder: Path) -> None:
    loads = [(f"{name}\n{clients} client{'s' if clients != '1' else ''}", by_target)
             for name, by_clients in figures.get("loads", {}).items() if not name.endswith("result")
             for clients, by_target in by_clients.items()]
    if not loads:
        return
    bars(loads, "Throughput, of a direct connection's", lambda run: [run["of_direct"]], folder / "throughput.svg")
    bars(loads, "The proxy's CPU time for a query, µs (dark: user, light: system)",
         lambda run: [run["user_us"], run["system_us"]], folder / "cpu.svg", without="direct")


def bars(loads: list, title: str, parts, file: Path, without: str = "") -> None:
    """A group for each load, a bar for each target, stacked from `parts`."""
    names = [name for name in loads[0][1] if name != without]
    colours = {name: COLOURS.get(name, MORE_COLOURS[i % len(MORE_COLOURS)]) for i, name in enumerate(names)}
    figure, axes = pyplot.subplots(figsize=(7, 0.55 * len(loads) + 1.2), layout="constrained")
    height = 0.8 / len(names)
    for i, name in enumerate(names):
        for at, (_, by_target) in enumerate(loads):
            if name not in by_target:
                continue
            left = 0.0
            for part, alpha in zip(parts(by_target[name]), (1.0, 0.55)):
                label = name if at == 0 and not left else None
                axes.barh(at + i * height, part, height, left, color=colours[name], alpha=alpha, label=label)
                left += part
    axes.set_yticks([at + height * (len(names) - 1) / 2 for at in range(len(loads))], [label for label, _ in loads])
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    figure.legend(frameon=False, ncols=len(names), loc="outside lower center")
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
