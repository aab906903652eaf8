"""Recall against queries per second as an SVG, drawn by hand so that nothing needs to be installed for it."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 520, 80, 170, 50, 60
COLOURS = ["#c1272d", "#0b5394", "#38761d", "#b45f06", "#674ea7", "#134f5c", "#7f6000", "#a64d79"]


def unbeaten(points):
    """Those that no other is both as fast and as good as."""
    found = []
    for point in sorted(points, reverse=True):
        if not found or point[1] > found[-1][1]:
            found.append(point)
    return found


def draw(lines, title):
    """`lines` has for each name its points (recall, queries per second). Recall is spread as its distance from 1, speed by its logarithm."""
    points = [point for of_name in lines.values() for point in of_name if point[0] >= 0.8]
    speeds = [speed for _, speed in points] or [1, 10]
    low, high = math.floor(math.log10(min(speeds))), math.ceil(math.log10(max(speeds)))
    high = max(high, low + 1)

    def x(recall):
        spread = lambda recall: -math.log10(1.0 - min(recall, 0.9999))
        return LEFT + (spread(recall) - spread(0.8)) / (spread(0.9999) - spread(0.8)) * (WIDTH - LEFT - RIGHT)

    def y(speed):
        return HEIGHT - BOTTOM - (math.log10(speed) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">']
    out.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/><text x="{LEFT}" y="28" font-size="16">{title}</text>')
    for recall in [0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999]:
        out.append(f'<line x1="{x(recall):.1f}" x2="{x(recall):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
        out.append(f'<text x="{x(recall):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{recall}</text>')
    for power in range(low, high + 1):
        for step in [1, 2, 5] if power < high else [1]:
            at = y(step * 10**power)
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#dddddd"/>')
            out.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{step * 10**power:,}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 15}" text-anchor="middle">recall@10</text>')
    for number, (name, of_name) in enumerate(sorted(lines.items(), key=lambda line: -max(speed for _, speed in line[1]))):
        colour = COLOURS[number % len(COLOURS)]
        shown = sorted(point for point in unbeaten(of_name) if point[0] >= 0.8)
        path = " ".join(f"{x(recall):.1f},{y(speed):.1f}" for recall, speed in shown)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(recall):.1f}" cy="{y(speed):.1f}" r="3" fill="{colour}"/>' for recall, speed in shown]
        at = TOP + 20 * number
        out.append(f'<rect x="{WIDTH - RIGHT + 20}" y="{at}" width="14" height="4" fill="{colour}"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 42}" y="{at + 7}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])
