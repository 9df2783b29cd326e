"""The copied defect of Nesterov momentum: the velocity updated too early, and a smaller region."""

import symopt

document = symopt.stability("nesterov_new_velocity").document()
