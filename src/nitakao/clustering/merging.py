"""Groups merged with their best partner, round after round, until no two are near enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nitakao.clustering.constraints import NOBODY
from nitakao.values import Doubles, Flags, Floats, Ids

PIECE = 1 << 24  # numbers gathered at a time: 64 MiB

# How near the centres of two groups must lie, from distances between pictures of LFW's people outside people.txt, with
# facenet-vggface2 and dlib-resnet alike; settings near these change B-cubed F there by about 0.01.
# - A stranger's centre comes about as near as a stranger's single face does, whatever the sizes of the groups, and the
#   nearer the more people there are: 5% of faces have a stranger nearer than 0.85 thresholds among 80 people, 0.7 among
#   2,000.
# - Centres of one person come the nearer the more faces they are the mean of, but never all the way: halves of a person
#   that k-means makes lie 0.3 to 0.6 thresholds apart, those of strangers' groups 0.6 and more.
ALONE = 1.15  # times the threshold, for two single faces if there were one person; never above 1
CROWDED = 0.115  # of the threshold less for each tenfold number of people
LEAST = 0.69  # times the threshold: for 10,000 people; how few strangers are nearer, LFW is too small to tell
GROWN = 0.6  # power of the centres' spread with which the squared distance that is allowed falls
SPREAD = 0.2  # of centres, where that of single faces is 1: of age and light, which no number of faces evens out


@dataclass(frozen=True, eq=False)
class Rules:
    """What may never be one group.

    apart: (n,) faces with the same number are different people; -1: no such rule.  never: (m, 2) face and a face of the
    person who it is not.
    """

    apart: Ids
    never: Ids

    def broken(self, node: Ids, first: Ids, second: Ids) -> Flags:
        """Which of these pairs of groups hold a rule's two faces, one each; no group is in two pairs.

        node: (n,) the group of each face.  first, second: (p,) groups.
        """
        pair = np.full(len(node), NOBODY, np.int64)
        pair[first] = pair[second] = np.arange(len(first))
        found = np.zeros(len(first), bool)
        one, two = (pair[node[column]] for column in self.never.T)
        found[one[(one == two) & (one != NOBODY)]] = True
        bound = np.flatnonzero((self.apart != NOBODY) & (pair[node] != NOBODY))
        # A group may hold two faces of one photograph, if a hand has put them there: that is no reason between groups.
        held = np.unique(np.stack([node[bound], self.apart[bound]]), axis=1)
        both, times = np.unique(np.stack([pair[held[0]], held[1]]), axis=1, return_counts=True)
        found[both[0][times > 1]] = True
        return found


class Merging:
    """Groups of faces, as they merge. A group's number is that of its first face.

    node: (n,) the group of each face.  centre: (n, D), size, inner: (n,) of each group; its mean face, number of faces
    and their mean squared distance to it.  owner: (n,) the person each group is of, -1 nobody.
    pairs: (e, 2) groups with neighbours in each other, ascending; between: (e,) squared distance of their centres.
    """

    def __init__(self, vectors: Floats, neighbours: Ids, threshold: float, people: Ids, rules: Rules) -> None:
        n = len(vectors)
        self.threshold, self.rules = threshold, rules
        self.centre = np.array(vectors, np.float32)
        self.size, self.inner, self.owner = np.ones(n), np.zeros(n), people.copy()
        self.pairs = _linked(neighbours)
        self.between = self._apart(self.pairs)
        near = self.between <= threshold**2  # faces farther apart are never what joins two groups
        self.pairs, self.between = self.pairs[near], self.between[near]
        self.barred = np.zeros(len(self.pairs), bool)
        self.node = np.arange(n)
        self._gather(people)

    def _gather(self, people: Ids) -> None:
        """Faces of one person start as one group: two and two are joined, then four and four."""
        known = np.flatnonzero(people != NOBODY)
        known = known[np.argsort(people[known], kind="stable")]
        _, start, which, faces = np.unique(people[known], return_index=True, return_inverse=True, return_counts=True)
        place = np.arange(len(known)) - start[which]
        step = 1
        while step < faces.max(initial=0):
            here = np.flatnonzero((place % (2 * step) == 0) & (place + step < faces[which]))
            self._join(known[here], known[here + step])
            step *= 2
        into = np.arange(len(self.node))
        into[known] = known[start][which]
        self._follow(into)

    def run(self) -> None:
        """Merges all that may be merged. A pair merges when each is the other's best, so pairs do not wait in line."""
        while len(best := self._best()):
            broken = self.rules.broken(self.node, *self.pairs[best].T)
            self.barred[best[broken]] = True
            into, gone = self.pairs[best[~broken]].T
            if len(into):
                mine = self.owner[gone] != NOBODY
                self.owner[into[mine]] = self.owner[gone[mine]]
                self._join(into, gone)
                moved = np.arange(len(self.node))
                moved[gone] = into
                self._follow(moved)

    @property
    def groups(self) -> int:
        """How many groups there are, single faces among them."""
        return int((self.node == np.arange(len(self.node))).sum())

    def strain(self) -> Doubles:
        """(e,) squared distance of each pair's centres, as a multiple of what is allowed."""
        crowd = ALONE - CROWDED * np.log10(max(1, self.groups))
        single = self.threshold * min(1.0, max(LEAST, crowd))
        spread = (1 / self.size[self.pairs]).sum(1)  # variance of the difference of two means, in that of a face
        allowed = single**2 * ((spread + SPREAD) / (2 + SPREAD)) ** GROWN
        return np.asarray(self.between / allowed)

    def distance(self, pairs: Ids) -> Doubles:
        """(e,) root of the mean squared distance of all faces of one group to all of the other."""
        return np.asarray(np.sqrt(self._apart(pairs) + self.inner[pairs].sum(1)))

    def _best(self) -> Ids:
        """Rows of `pairs` that may merge, and whose groups have no better partner."""
        strain = self.strain()
        open_ = ~self.barred & (self.owner[self.pairs] == NOBODY).any(1)
        rows = np.flatnonzero(open_ & (strain < 1))
        # Equal strains (copies of one picture) in a scattered order: in an orderly one all would wait for the first.
        mixed = (self.pairs[rows] * (0x9E3779B1, 0x85EBCA77)).sum(1) & 0xFFFFFFFF
        rows = rows[np.lexsort((mixed, strain[rows]))]
        rank = np.arange(len(rows))
        best = np.full(len(self.node), len(rows))
        for side in (0, 1):
            np.minimum.at(best, self.pairs[rows, side], rank)
        return np.asarray(rows[(best[self.pairs[rows]] == rank[:, None]).all(1)])

    def _join(self, into: Ids, gone: Ids) -> None:
        """Centres, sizes and inner distances of the groups `into` once they hold those of `gone`."""
        apart = self._apart(np.stack([into, gone], 1))
        share = self.size[gone] / (self.size[into] + self.size[gone])
        self.inner[into] += share * (self.inner[gone] - self.inner[into]) + share * (1 - share) * apart
        self.centre[into] += share[:, None].astype(np.float32) * (self.centre[gone] - self.centre[into])
        self.size[into] += self.size[gone]

    def _follow(self, into: Ids) -> None:
        """Faces and pairs now belong to the groups that theirs became; distances of those are measured again."""
        changed = np.zeros(len(into), bool)
        changed[into[into != np.arange(len(into))]] = True
        self.node = into[self.node]
        pairs = np.sort(into[self.pairs], 1)
        apart = pairs[:, 0] != pairs[:, 1]
        pairs, between, barred = pairs[apart], self.between[apart], self.barred[apart]
        _, first, which = np.unique(pairs[:, 0] * len(into) + pairs[:, 1], return_index=True, return_inverse=True)
        self.pairs, self.between = pairs[first], between[first]
        self.barred = np.zeros(len(first), bool)
        self.barred[which[barred]] = True  # what may not join a part may not join the whole
        stale = np.flatnonzero(changed[self.pairs].any(1))
        self.between[stale] = self._apart(self.pairs[stale])

    def _apart(self, pairs: Ids) -> Doubles:
        found = np.empty(len(pairs))
        step = max(1, PIECE // max(1, self.centre.shape[1]))
        for start in range(0, len(pairs), step):
            one, two = pairs[start : start + step].T
            difference = self.centre[one] - self.centre[two]
            found[start : start + step] = np.einsum("ij,ij->i", difference, difference)
        return found


def _linked(neighbours: Ids) -> Ids:
    """(e, 2) every two faces of which one has the other among its neighbours, once, ascending."""
    n = len(neighbours)
    one = np.repeat(np.arange(n), neighbours.shape[1])
    two = neighbours.ravel()
    real = (two != NOBODY) & (one != two)
    low, high = np.minimum(one[real], two[real]), np.maximum(one[real], two[real])
    return np.stack(np.divmod(np.unique(low * n + high), max(1, n)), 1)
