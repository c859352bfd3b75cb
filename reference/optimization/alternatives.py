"""Right solutions of `optimization` written differently: each must get full marks and no hint."""

from autograder.mutation import Alternative

DESCENT = [
    Alternative(
        "gradient_descent",
        "rows of an array",
        "    path = [start]\n"
        "    for _ in range(steps):\n"
        "        path.append(path[-1] - learning_rate * gradient(path[-1]))\n"
        "    return np.array(path)\n",
        "    path = np.empty((steps + 1, len(start)))\n"
        "    path[0] = start\n"
        "    for t in range(steps):\n"
        "        path[t + 1] = path[t] - learning_rate * gradient(path[t].copy())\n"
        "    return path\n",
    ),
]

ALTERNATIVES = [*DESCENT]
EQUIVALENT = {}
