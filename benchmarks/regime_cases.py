"""What is published on the regimes of Gray-Scott, and which labels agree with it.

Statements are in our words. `mrob` is Munafo's extension of Pearson's classes with his
example parameters (mrob.com/pub/comp/xmorphia/pearson-classes.html) and his pages of
single parameters; `well` the Gray-Scott sets of The Well (doi:10.52202/079017-1430);
`visualpde` the names of its presets (visualpde.com). Where a page of the very parameters
tells a time, it goes before what is said of the class; its "steady" means that u changes
by less than 3e-6 per time unit, ours is stricter: less than 1 % of the contrast in as much
time again. Pearson 1993,
doi:10.1126/science.261.5118.189, defined α to μ.
"""

import dataclasses

from rdtf.analysis.regimes import Regime

TRIVIAL, COLLAPSED = Regime.HOMOGENEOUS_TRIVIAL, Regime.HOMOGENEOUS_COLLAPSED
EXCITED, STEADY = Regime.HOMOGENEOUS_EXCITED, Regime.STEADY_PATTERN
OSCILLATORY, QUASI = Regime.OSCILLATORY, Regime.QUASI_PERIODIC
TRAVELLING, CHAOTIC = Regime.TRAVELLING, Regime.CHAOTIC
RED = (TRIVIAL, COLLAPSED)
MOVING = (OSCILLATORY, QUASI, CHAOTIC)


@dataclasses.dataclass(frozen=True)
class Case:
    """One published statement.

    Attributes:
      name: class and source.
      feed, kill: F and k.
      statement: what is published.
      agree: the labels that say so.
      slow: the text itself speaks of more than 1e5 time units, or of no end, so that
        TRANSIENT agrees too.
      on_blue: the statement is about red on the blue uniform state, so that is the
        background of the start.
    """

    name: str
    feed: float
    kill: float
    statement: str
    agree: tuple[Regime, ...]
    slow: bool = False
    on_blue: bool = False

    @property
    def labels(self) -> tuple[Regime, ...]:
        """All labels that agree."""
        return (*self.agree, Regime.TRANSIENT) if self.slow else self.agree


def _pair(name, points, *rest, **options):
    """The same statement at several (F, k)."""
    return [
        Case(f"{name} {number}", *point, *rest, **options)
        for number, point in enumerate(points, 1)
    ]


CASES = (
    *_pair("mrob R", [(0.014, 0.057), (0.074, 0.069)], "uniform red; class 1", RED),
    *_pair(
        "mrob B", [(0.050, 0.059), (0.078, 0.059)], "uniform blue; class 1", (EXCITED,)
    ),
    # Uniform oscillations about this state decay at 4.8e-4, but Euler's steps of 1/2 make
    # them grow at 1.5e-5, until all turns red.
    Case(
        "mrob B 3",
        0.030,
        0.053,
        "all blue within 250 time units, then oscillates uniformly",
        (EXCITED, OSCILLATORY),
    ),
    *_pair(
        "mrob alpha",
        [(0.010, 0.047), (0.014, 0.053)],
        "chaos of wavelets that grow and annihilate; class 3",
        (CHAOTIC,),
    ),
    *_pair(
        "mrob beta",
        [(0.014, 0.039), (0.026, 0.051)],
        "chaos of waves and voids that open and fill; class 3",
        (CHAOTIC,),
    ),
    *_pair(
        "mrob gamma",
        [(0.022, 0.051), (0.026, 0.055)],
        "stripes with endless instability and oscillation; class 3",
        MOVING,
    ),
    *_pair(
        "mrob delta",
        [(0.030, 0.055), (0.042, 0.059)],
        "hexagons of negative spots, stable grain boundaries; class 2-a",
        (STEADY,),
    ),
    *_pair(
        "mrob epsilon",
        [(0.018, 0.055), (0.022, 0.059)],
        "chaos of spots that divide and crowd each other out; class 3",
        (CHAOTIC,),
    ),
    *_pair(
        "mrob zeta",
        [(0.022, 0.061), (0.026, 0.059)],
        "as epsilon, less volatile; class 3",
        MOVING,
    ),
    Case(
        "mrob eta 1",
        0.034,
        0.063,
        "spots and worms; steady by 100,000 to 150,000 time units",
        (STEADY,),
        slow=True,
    ),
    *_pair(
        "mrob theta",
        [(0.030, 0.057), (0.038, 0.061)],
        "stripes; at low F long oscillation, or it may never stop changing; class 2-a",
        (STEADY, OSCILLATORY, QUASI),
        slow=True,
    ),
    Case(
        "mrob theta 3",
        0.046,
        0.061,
        "stripes that still join at 300,000 time units",
        (STEADY,),
        slow=True,
    ),
    Case(
        "mrob iota 1",
        0.046,
        0.0594,
        "negatons, whose rearrangement takes 50,000 to 125,000 time units",
        (STEADY,),
        slow=True,
    ),
    Case(
        "mrob kappa 1",
        0.050,
        0.063,
        "the final state is a maze of stripes; class 2-a",
        (STEADY,),
    ),
    Case(
        "mrob kappa 2",
        0.058,
        0.063,
        "becomes a maze after 250,000 time units",
        (STEADY,),
        slow=True,
    ),
    *_pair(
        "mrob lambda",
        [(0.026, 0.061), (0.034, 0.065)],
        "solitons divide, form hexagons, and in the end all movement stops; class 2-a",
        (STEADY,),
    ),
    Case(
        "mrob mu 1",
        0.046,
        0.065,
        "worms and solitons; stable after 375,000 time units or more",
        (STEADY,),
        slow=True,
    ),
    Case(
        "mrob mu 2",
        0.058,
        0.065,
        "worms grow from their ends and turn towards parallel stripes; class 2-a",
        (STEADY,),
    ),
    *_pair(
        "mrob nu",
        [(0.054, 0.067), (0.046, 0.067)],
        "inert solitons drift apart, exponentially slowly; class 2",
        (STEADY,),
        slow=True,
    ),
    *_pair(
        "mrob xi",
        [(0.010, 0.041), (0.014, 0.047)],
        "sustained spirals, which die out in a small domain; class 3",
        (*MOVING, *RED),
    ),
    Case(
        "mrob pi 1",
        0.062,
        0.061,
        "stationary and moving structures, forces that fall off exponentially; class 4",
        (STEADY, TRAVELLING, OSCILLATORY),
        slow=True,
    ),
    *_pair(
        "mrob rho",
        [(0.090, 0.059), (0.102, 0.055)],
        "red bubbles, of which the large ones grow, for over 1,000,000 time units",
        (STEADY, EXCITED, *RED),
        slow=True,  # said of (0.090, 0.059) and of either side of (0.102, 0.055)
        on_blue=True,
    ),
    *_pair(
        "mrob sigma",
        [(0.090, 0.057), (0.110, 0.0523)],
        "blue bubbles, of which the small ones vanish and the large ones grow; class 2-a",
        (STEADY, EXCITED, *RED),
    ),
    Case(
        "well gliders",
        0.014,
        0.054,
        "moving spots; some runs become stationary",
        (CHAOTIC, TRAVELLING, *RED),
    ),
    Case(
        "well spirals",
        0.018,
        0.051,
        "spirals; some runs become stationary",
        (*MOVING, *RED, EXCITED),
    ),
    Case("well bubbles", 0.098, 0.057, "bubbles", (STEADY, EXCITED, *RED)),
    Case("well maze", 0.029, 0.057, "steady maze", (STEADY,)),
    Case("well worms", 0.058, 0.065, "steady worms", (STEADY,)),
    Case("well spots", 0.030, 0.062, "steady spots", (STEADY,)),
    Case("visualpde labyrinth", 0.037, 0.060, "labyrinth", (STEADY,)),
    Case("visualpde pulsating", 0.025, 0.060, "pulsating solitons", MOVING),
    Case("visualpde worms", 0.078, 0.061, "worms", (STEADY,)),
    Case("visualpde holes", 0.039, 0.058, "holes", (STEADY,)),
    Case("visualpde chaos", 0.026, 0.051, "chaos", (CHAOTIC,)),
)
