"""Merges groups of faces with their best partner, round by round, until none are near enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nitakao.clustering.constraints import UNASSIGNED
from nitakao.values import Doubles, Flags, Floats, Ids

CHUNK = 1 << 24  # numbers gathered at a time: 64 MiB

# How near the centres of two groups must be, measured on LFW's people outside people.txt with facenet-vggface2 and
# dlib-resnet alike; small changes to these values change B-cubed F there by about 0.01.
# - Centres of two people come about as near as their single faces, whatever the sizes of the groups, and nearer with
#   more people: 5% of faces have another person's nearer than 0.85 thresholds among 80 people, 0.7 among 2,000.
# - Centres of one person come nearer with more faces, but never coincide: halves of a person found by k-means are 0.3
#   to 0.6 thresholds apart, groups of different people 0.6 and more.
ONE_GROUP = 1.15  # allowed distance of two single faces for one group, in thresholds; never above 1
PER_DECADE = 0.115  # decrease of it for each tenfold number of groups
MIN_ALLOWED = 0.69  # in thresholds: the value for 10,000 people; LFW is too small to measure more
SIZE_POWER = 0.6  # power of the centres' variance with which the allowed squared distance falls
SPREAD = 0.2  # variance of centres that more faces do not reduce (age, light), where that of single faces is 1


@dataclass(frozen=True, eq=False)
class Rules:
    """Cannot-link constraints between faces.

    Attributes:
        cannot_link: (n,) faces with the same number are different people; -1: no such constraint.
        pairs: (m, 2) pairs of faces of different people.
    """

    cannot_link: Ids
    pairs: Ids

    def broken(self, node: Ids, first: Ids, second: Ids) -> Flags:
        """(p,) which of these pairs of groups must not be merged; no group is in two pairs.

        Args:
            node: (n,) the group of each face.
            first: (p,) groups.
            second: (p,) groups.
        """
        pair = np.full(len(node), UNASSIGNED, np.int64)
        pair[first] = pair[second] = np.arange(len(first))
        broken = np.zeros(len(first), bool)
        one, two = (pair[node[column]] for column in self.pairs.T)
        broken[one[(one == two) & (one != UNASSIGNED)]] = True
        linked = np.flatnonzero((self.cannot_link != UNASSIGNED) & (pair[node] != UNASSIGNED))
        # A user may have put two faces of one photograph into a group: count each photograph once per group.
        keys = np.unique(np.stack([node[linked], self.cannot_link[linked]]), axis=1)
        both, times = np.unique(np.stack([pair[keys[0]], keys[1]]), axis=1, return_counts=True)
        broken[both[0][times > 1]] = True
        return broken


class Merging:
    """Groups of faces while they merge. A group's number is the row of its first face.

    Attributes:
        node: (n,) the group of each face.
        centre: (n, D) the mean vector of each group.
        size: (n,) the number of faces of each group.
        inner: (n,) the mean squared distance of a group's faces to its centre.
        owner: (n,) the person of each group, -1 unassigned.
        pairs: (e, 2) groups connected in the neighbour graph, ascending.
        between: (e,) the squared distance of their centres.
        barred: (e,) pairs that must not be merged.
    """

    def __init__(self, vectors: Floats, neighbours: Ids, threshold: float, people: Ids, rules: Rules) -> None:
        n = len(vectors)
        self.threshold, self.rules = threshold, rules
        self.centre = np.array(vectors, np.float32)
        self.size, self.inner, self.owner = np.ones(n), np.zeros(n), people.copy()
        self.pairs = _edges(neighbours)
        self.between = self._squared_distances(self.pairs)
        near = self.between <= threshold**2  # faces farther apart never connect two groups
        self.pairs, self.between = self.pairs[near], self.between[near]
        self.barred = np.zeros(len(self.pairs), bool)
        self.node = np.arange(n)
        self._merge_people(people)

    def _merge_people(self, people: Ids) -> None:
        """Merge the faces of each person into one group, pairwise, then pairs of pairs."""
        assigned = np.flatnonzero(people != UNASSIGNED)
        assigned = assigned[np.argsort(people[assigned], kind="stable")]
        _, start, which, faces = np.unique(people[assigned], return_index=True, return_inverse=True, return_counts=True)
        place = np.arange(len(assigned)) - start[which]
        step = 1
        while step < faces.max(initial=0):
            here = np.flatnonzero((place % (2 * step) == 0) & (place + step < faces[which]))
            self._join(assigned[here], assigned[here + step])
            step *= 2
        into = np.arange(len(self.node))
        into[assigned] = assigned[start][which]
        self._relabel(into)

    def run(self) -> None:
        """Merge until no pair is allowed. Each round merges all pairs in which each is the other's best."""
        while len(best := self._best()):
            broken = self.rules.broken(self.node, *self.pairs[best].T)
            self.barred[best[broken]] = True
            into, gone = self.pairs[best[~broken]].T
            if len(into):
                owned = self.owner[gone] != UNASSIGNED
                self.owner[into[owned]] = self.owner[gone[owned]]
                self._join(into, gone)
                moved = np.arange(len(self.node))
                moved[gone] = into
                self._relabel(moved)

    @property
    def groups(self) -> int:
        """The number of groups, single faces included."""
        return int((self.node == np.arange(len(self.node))).sum())

    def strain(self) -> Doubles:
        """(e,) squared distance of each pair's centres, as a multiple of the allowed one."""
        factor = ONE_GROUP - PER_DECADE * np.log10(max(1, self.groups))
        single = self.threshold * min(1.0, max(MIN_ALLOWED, factor))
        spread = (1 / self.size[self.pairs]).sum(1)  # variance of the difference of two means, in units of a face's
        allowed = single**2 * ((spread + SPREAD) / (2 + SPREAD)) ** SIZE_POWER
        return np.asarray(self.between / allowed)

    def distance(self, pairs: Ids) -> Doubles:
        """(e,) root mean square distance of all faces of one group to all of the other."""
        return np.asarray(np.sqrt(self._squared_distances(pairs) + self.inner[pairs].sum(1)))

    def _best(self) -> Ids:
        """Rows of `pairs` that may merge and whose groups have no better partner."""
        strain = self.strain()
        open_ = ~self.barred & (self.owner[self.pairs] == UNASSIGNED).any(1)
        rows = np.flatnonzero(open_ & (strain < 1))
        # Scatter equal strains (copies of one picture): in row order each pair would wait for the one before.
        mixed = (self.pairs[rows] * (0x9E3779B1, 0x85EBCA77)).sum(1) & 0xFFFFFFFF
        rows = rows[np.lexsort((mixed, strain[rows]))]
        rank = np.arange(len(rows))
        best = np.full(len(self.node), len(rows))
        for side in (0, 1):
            np.minimum.at(best, self.pairs[rows, side], rank)
        return np.asarray(rows[(best[self.pairs[rows]] == rank[:, None]).all(1)])

    def _join(self, into: Ids, gone: Ids) -> None:
        """Update centres, sizes and inner distances of the groups `into`, which absorb the groups `gone`."""
        distances = self._squared_distances(np.stack([into, gone], 1))
        share = self.size[gone] / (self.size[into] + self.size[gone])
        self.inner[into] += share * (self.inner[gone] - self.inner[into]) + share * (1 - share) * distances
        self.centre[into] += share[:, None].astype(np.float32) * (self.centre[gone] - self.centre[into])
        self.size[into] += self.size[gone]

    def _relabel(self, into: Ids) -> None:
        """Move faces and pairs from each group to `into[group]`, and update the distances of changed groups."""
        changed = np.zeros(len(into), bool)
        changed[into[into != np.arange(len(into))]] = True
        self.node = into[self.node]
        pairs = np.sort(into[self.pairs], 1)
        distinct = pairs[:, 0] != pairs[:, 1]
        pairs, between, barred = pairs[distinct], self.between[distinct], self.barred[distinct]
        _, first, which = np.unique(pairs[:, 0] * len(into) + pairs[:, 1], return_index=True, return_inverse=True)
        self.pairs, self.between = pairs[first], between[first]
        self.barred = np.zeros(len(first), bool)
        self.barred[which[barred]] = True  # a barred pair stays barred after either grows
        stale = np.flatnonzero(changed[self.pairs].any(1))
        self.between[stale] = self._squared_distances(self.pairs[stale])

    def _squared_distances(self, pairs: Ids) -> Doubles:
        """(e,) squared distances of the groups' centres."""
        result = np.empty(len(pairs))
        step = max(1, CHUNK // max(1, self.centre.shape[1]))
        for start in range(0, len(pairs), step):
            one, two = pairs[start : start + step].T
            difference = self.centre[one] - self.centre[two]
            result[start : start + step] = np.einsum("ij,ij->i", difference, difference)
        return result


def _edges(neighbours: Ids) -> Ids:
    """(e, 2) pairs of faces of which one is a neighbour of the other, each once, ascending."""
    n = len(neighbours)
    one = np.repeat(np.arange(n), neighbours.shape[1])
    two = neighbours.ravel()
    real = (two != UNASSIGNED) & (one != two)
    low, high = np.minimum(one[real], two[real]), np.maximum(one[real], two[real])
    return np.stack(np.divmod(np.unique(low * n + high), max(1, n)), 1)
