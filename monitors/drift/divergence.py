"""How far shares moved, cell by cell, whatever the order of the cells: PSI, JS distance, Hellinger distance.

All take int64 [..., bins] and return float64 [...], NaN where nothing was counted: leading axes are features, so that one
call judges all of them. A bin that is empty on both sides changes nothing, so features may be padded to equal length.
"""

from __future__ import annotations

import numpy as np

from monitors.drift.share import FLOOR, shares
from monitors.numeric import Counts, Floats


def psi(reference: Counts, observed: Counts) -> Floats:
    """Population stability index: how far observed shares moved from the reference shares.

    reference, observed: int64 [..., bins], same bins. Shares are floored at 1e-4.
    Returns nats, >= 0; 0 only for equal shares. Under no drift its mean is about (bins - 1)(1/n + 1/m).
    Raises BinMismatch if the numbers of bins differ.

    >>> round(float(psi(np.array([50, 50]), np.array([25, 75]))), 4)
    0.2747

    Yurdakul 2018, "Statistical properties of population stability index".
    """
    p, q = (np.maximum(share, FLOOR) for share in shares(reference, observed))
    divergence: Floats = ((q - p) * np.log(q / p)).sum(-1)
    return divergence


def js(reference: Counts, observed: Counts) -> Floats:
    """Jensen-Shannon distance, base 2: the root of the bits that one value tells of which side it came from.

    reference, observed: int64 [..., bins], same bins. Returns [0, 1]: 0 for equal shares, 1 where no bin is shared. Under
    no drift its square has mean about (bins - 1)(1/n + 1/m) / (8 ln 2). Raises BinMismatch.

    >>> float(js(np.array([50, 50]), np.array([50, 50]))), float(js(np.array([9, 0]), np.array([0, 5])))
    (0.0, 1.0)

    Lin 1991, "Divergence measures based on the Shannon entropy"; Endres and Schindelin 2003 for the root.
    """
    p, q = shares(reference, observed)
    middle = (p + q) / 2
    bits = (_surprise(p, middle) + _surprise(q, middle)) / 2
    # Equal shares may miss zero by rounding, to either side.
    return np.sqrt(np.clip(bits, 0, 1))


def hellinger(reference: Counts, observed: Counts) -> Floats:
    """Hellinger distance: the Euclidean distance between the roots of the shares, over √2.

    reference, observed: int64 [..., bins], same bins. Returns [0, 1]: 0 for equal shares, 1 where no bin is shared. Small
    moves in rare bins count for more than in KS, and an empty bin costs no more than what it held. Raises BinMismatch.

    >>> round(float(hellinger(np.array([50, 50]), np.array([25, 75]))), 4)
    0.1846

    Hellinger 1909; Le Cam 1986.
    """
    p, q = shares(reference, observed)
    distance: Floats = np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(-1) / 2)
    return distance


def _surprise(share: Floats, middle: Floats) -> Floats:
    """Sum of share · log2(share / middle); 0 log 0 is 0, and where the middle is 0 so is the share."""
    ratio = np.divide(share, middle, out=np.ones_like(share), where=share > 0)
    # `where` leaves out NaN, which stands for "nothing was counted": the product brings it back.
    bits: Floats = (share * np.log2(ratio)).sum(-1)
    return bits
