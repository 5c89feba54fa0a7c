"""Records to scores, ties and fronts, and those to the pages of the site."""

from leaderboard.board import Board, load
from leaderboard.choose import Recommendation, recommend, recommend_jointly

__all__ = ["Board", "Recommendation", "load", "recommend", "recommend_jointly"]
