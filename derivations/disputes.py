"""Disputes settled: what issue trackers argue about, decided by proof or by the exact difference.

Each entry names the two rules that stand against each other, where people argue, and when the
difference matters. The formulas, the verdicts and the numbers follow from the rules.
"""

import sympy

import symopt
from symopt.presentation.dispute_page import disputes_document
from symopt.symbols import beta1, beta2, epsilon, eta, lamda, m, norm, sqrt, t, u, v, where, x
from symopt.verification.dispute import Dispute, settle

rules = symopt.rules
tenth = {"eta": "1/10"}

#: Momentum with a learning rate that falls as 1/t, in velocity and in buffer form.
falling = {eta: 1 / (10 * t)}
velocity_falling = rules.momentum.variant(
    "Momentum, falling learning rate", source=rules.momentum.source, hyperparameters=falling
)
buffer_falling = rules.momentum_buffer.variant(
    "Momentum, buffer form, falling learning rate",
    source=rules.momentum_buffer.source,
    hyperparameters=falling,
)
yogi_zero_start = rules.yogi_optax.variant(
    "Yogi, first moment from zero", source=rules.yogi.source, state={m: 0}
)
lamb_corrected_outside = rules.lamb.variant(
    "LAMB, bias correction outside the trust ratio",
    {
        u: m / (sqrt(v) + epsilon) + lamda * x,
        x: x
        - eta
        * sqrt(1 - beta2**t)
        / (1 - beta1**t)
        * where(norm(x) * norm(u) > 0, norm(x) / norm(u), 1)
        * u,
        **dict.fromkeys(sympy.symbols("m_hat v_hat r", real=True)),
    },
    source=symopt.Source("torch-optimizer0.3.0", "torch_optimizer/lamb.py, debias=True"),
    defect="the trust ratio divides the direction's length out, and the correction scales it again",
)

DISPUTES = [
    Dispute(
        "Nesterov, with the new velocity",
        "Bengio et al. write the step at the look-ahead point with the previous velocity. Chainer "
        "(and code that was copied from it) updates the velocity first and then uses it.",
        ("chainer/chainer#4274", "chainer/chainer#540"),
        "nesterov_new_velocity",
        "nesterov_bengio",
        "At once: at mu = 0.9 the first step is 1.43 times as long. On a quadratic the largest "
        "stable learning rate falls from 2(1+mu)/(1+2mu) over the curvature to "
        "2(1+mu)/(1+2mu+2mu^2): from 1.357 to 0.860 at mu = 0.9.",
        setting=tenth,
    ),
    Dispute(
        "Is PyTorch's Nesterov the one of the papers?",
        "PyTorch and optax keep a buffer of gradients and add mu times the new buffer to the "
        "gradient. Bengio et al. keep a velocity, and have the previous one in the step.",
        ("pytorch/pytorch#887", "pytorch/pytorch#1099"),
        "nesterov_buffer",
        "nesterov_bengio",
        "It does not, as long as learning rate and momentum are constant: the buffer is minus the "
        "velocity over the learning rate.",
        setting=tenth,
    ),
    Dispute(
        "Which point is Nesterov's iterate?",
        "Sutskever et al. report the point before the look-ahead, everybody else the look-ahead "
        "point itself, at which the gradient is taken.",
        ("pytorch/pytorch#887",),
        "nesterov",
        "nesterov_keras",
        "When points are compared or printed, not for what is computed: both ask for gradients at "
        "the same points, and what one calls its parameter is the other's plus mu times v.",
        setting=tenth,
    ),
    Dispute(
        "Learning rate inside the velocity, or outside the buffer",
        "Sutskever et al. and Keras multiply the gradient by the learning rate as it enters the "
        "velocity; PyTorch and optax multiply the whole buffer when the step is made.",
        ("pytorch/pytorch#1099",),
        "momentum",
        "momentum_buffer",
        "It does not while the learning rate is constant; see the next dispute.",
        setting=tenth,
    ),
    Dispute(
        "The same, with a learning rate that changes",
        "With a schedule, here a tenth over t, the velocity remembers old learning rates; the "
        "buffer does not.",
        ("pytorch/pytorch#1099",),
        velocity_falling,
        buffer_falling,
        "Whenever the learning rate is dropped or warmed up: the velocity form goes on with the "
        "speed that it had, the buffer form slows down at once. A schedule tuned for one is "
        "another schedule in the other.",
    ),
    Dispute(
        "Is a moving average of gradients momentum?",
        "Some code weighs the new gradient by 1 - beta, some by 1.",
        ("ml-explore/mlx#87",),
        "momentum_ema",
        "momentum_buffer",
        "For the learning rate: the moving average needs one that is larger by 1/(1 - beta), "
        "tenfold at 0.9. With the learning rate of the other it is that much slower.",
        setting={"eta": "1/10", "mu": "9/10"},
    ),
    Dispute(
        "Dampening in the first step",
        "PyTorch's text gave a recurrence that dampens every gradient; its code starts the buffer "
        "with the first gradient undampened. mlx took the code's side on purpose.",
        ("pytorch/pytorch#152833", "ml-explore/mlx#473"),
        "momentum_pytorch",
        "momentum_dampening_documented",
        "With dampening alone, which is 0 by default. The first gradient then weighs more than any "
        "other, by 1/(1 - tau), until the buffer has forgotten it.",
        setting={"eta": "1/10", "tau": "1/2"},
    ),
    Dispute(
        "Adam's epsilon: after the correction, or before it",
        "Algorithm 1 adds epsilon to the corrected root; the folded form of Section 2 adds epsilon "
        "hat to the raw one, and Keras, TensorFlow and (until 2019) PyTorch compute that.",
        (
            "keras-team/keras#17391",
            "tensorflow/tensorflow#9047",
            "tensorflow/tensorflow#35102",
            "pytorch/pytorch#2060",
            "pytorch/pytorch#41477",
            "pytorch/pytorch#22628",
            "huggingface/transformers#35504",
        ),
        "adam",
        "adam_epsilon_hat",
        "When gradients are not much larger than epsilon, and early: at the first step epsilon hat "
        "acts as 31.6 times an epsilon at beta2 = 0.999, after some thousand steps as itself. Both "
        "are in the paper; no constant epsilon makes one of them the other.",
        setting=tenth,
    ),
    Dispute(
        "Adam's epsilon: beside the root, or under it",
        "Some ports and textbooks put epsilon under the root, as AdaGrad's often is.",
        ("keras-team/tf-keras#315", "CyberZHG/keras-radam#29"),
        "adam",
        "adam_epsilon_inside",
        "For small gradients: under the root, 1e-8 counts as much as 1e-4 beside it. Whoever ports "
        "settings must square epsilon, and even then only the limit is the same.",
        setting=tenth,
    ),
    Dispute(
        "Adam with epsilon subtracted",
        "One code path of TensorFlow subtracts epsilon from the root.",
        ("tensorflow/tensorflow#61407", "tensorflow/tensorflow#61411"),
        "adam_epsilon_minus",
        "adam_epsilon_hat",
        "Where the root of v is near epsilon the step is unbounded, and below it the sign of the "
        "step turns: it climbs.",
        setting=tenth,
    ),
    Dispute(
        "Adam without bias correction",
        "BERT's optimizer left the corrections out; mlx did so by default.",
        ("google-research/bert#153", "dmlc/gluon-nlp#499", "ml-explore/mlx#1640"),
        "adam",
        "adam_uncorrected",
        "In the first 1/(1 - beta2) steps. The first step is 3.16 times as long without the "
        "corrections at the usual decays, and a warm-up hides it.",
        setting=tenth,
    ),
    Dispute(
        "RMSProp's epsilon: beside the root, or under it",
        "Hinton's slide has no epsilon. PyTorch and Chainer add it beside the root, TensorFlow, "
        "Keras and JAX under it.",
        (
            "chainer/chainer#4754",
            "keras-team/keras#435",
            "keras-team/keras#4356",
            "pytorch/pytorch#23796",
            "tensorflow/tensorflow#58412",
            "jax-ml/jax#1427",
        ),
        "rmsprop",
        "rmsprop_epsilon_inside",
        "Not at 1e-8 on ordinary gradients. At epsilon = 1, as Inception used it, they are two "
        "optimizers.",
        setting={"epsilon": "1"},
    ),
    Dispute(
        "RMSProp's first second moment: 0 or 1",
        "TensorFlow 1 (and timm's port of it) starts the average of squares at 1.",
        (
            "google-deepmind/optax#49",
            "tensorflow/tensorflow#40670",
            "torch/optim#117",
            "torch/optim#130",
            "jax-ml/jax#975",
            "BRML/climin#30",
        ),
        "rmsprop_tensorflow",
        "rmsprop_epsilon_inside",
        "In the first steps, and more than where epsilon stands: from 0 the first step has length "
        "eta/sqrt(1 - rho) whatever the gradient is; from 1 a small gradient makes a small step.",
        setting={"eta": "1/100", "rho": "9/10"},
    ),
    Dispute(
        "AdaGrad's epsilon: beside the root, or under it",
        "PyTorch adds epsilon beside the root, Keras and textbooks under it.",
        ("keras-team/tf-keras#315",),
        "adagrad",
        "adagrad_epsilon_inside",
        "While the sum of squares is not much larger than epsilon: for parameters whose gradients "
        "are rare or tiny. A print of six digits does not tell them apart elsewhere.",
        setting=tenth,
    ),
    Dispute(
        "AMSGrad: maximum before the correction, or after it",
        "PyTorch and Keras take the maximum of raw second moments and correct it; optax (and, "
        "until 2024, PyTorch's text) takes the maximum of corrected ones.",
        ("google-deepmind/optax#1389", "google-deepmind/optax#1423", "pytorch/pytorch#142323"),
        "amsgrad_pytorch",
        "amsgrad_optax",
        "While the correction still moves, if squared gradients fall: a large corrected value of "
        "the first steps is then kept for ever, so the steps of optax stay shorter.",
        values={"beta1": "9/10", "beta2": "999/1000"},
        setting=tenth,
    ),
    Dispute(
        "Weight decay is not L2 regularization",
        "PyTorch's Adam adds lambda times the parameter to the gradient; AdamW decays the "
        "parameter by itself.",
        (
            "pytorch/pytorch#3740",
            "pytorch/pytorch#4429",
            "pytorch/pytorch#38767",
            "pytorch/pytorch#48793",
        ),
        "adam_l2",
        "adamw",
        "Always when lambda is not 0: inside the gradient the decay is divided by the root of the "
        "second moment like everything else, so parameters with large gradients decay less.",
        setting={"eta": "1/10", "lamda": "1/10"},
    ),
    Dispute(
        "Weight decay: before the step, or after it",
        "Transformers' AdamW and some kernels decay the parameter that the step has already moved.",
        (
            "bitsandbytes-foundation/bitsandbytes#2010",
            "stanford-cs336/assignment1-basics#54",
            "kyleliang919/C-Optim#3",
        ),
        "adamw",
        "adamw_decay_after",
        "Hardly: the difference is of order eta squared times lambda, and for constant values it "
        "is only another learning rate and decay. With a schedule it is not.",
        setting={"eta": "1/10", "lamda": "1/10"},
    ),
    Dispute(
        "Weight decay: times the learning rate, or not",
        "Algorithm 2 multiplies the decay by the schedule but not by the learning rate alpha. "
        "PyTorch and Keras multiply it by both.",
        (
            "FluxML/Optimisers.jl#182",
            "NVIDIA/apex#1849",
            "modern-fortran/neural-fortran#152",
            "egg-west/AdamW-pytorch#1",
        ),
        "adamw",
        "adamw_paper",
        "For tuning and for porting settings: with the same lambda the paper's rule decays 1/eta "
        "times as fast, a thousandfold at 0.001.",
        setting={"eta": "1/10", "lamda": "1/10"},
    ),
    Dispute(
        "SGDW that decays by a constant",
        "torch-optimizer's SGDW subtracts eta times lambda, without the parameter. So did an R "
        "package's AdamW.",
        ("jettify/pytorch-optimizer#433", "jettify/pytorch-optimizer#454", "e-sensing/torchopt#14"),
        "sgdw_constant_decay",
        "sgdw_timm",
        "Always but at x = 1, which is why a test that starts at 1 does not see it at the first "
        "step: negative parameters grow.",
        setting={"eta": "1/10", "lamda": "1/10"},
    ),
    Dispute(
        "NAdam's schedule of momentum",
        "Dozat's schedule has the exponent t/250; Keras 3 dropped the factor, so its momentum "
        "warms up 250 times as fast.",
        ("pytorch/pytorch#59009", "deeplearning4j/deeplearning4j#6641"),
        "nadam",
        "nadam_keras",
        "In the first hundreds of steps, where the paper's momentum is about half of beta1 and "
        "Keras's is nearly all of it.",
        values={"beta1": "9/10"},
        setting=tenth,
    ),
    Dispute(
        "RAdam rectifies above 4, or above 5",
        "The paper's threshold is 4, the authors' code and PyTorch have 5 (optax: at least 5).",
        (
            "taki0112/RAdam-Tensorflow#2",
            "pytorch/pytorch#58968",
            "google-deepmind/optax#15",
            "CyberZHG/keras-radam#24",
            "lessw2020/Ranger-Deep-Learning-Optimizer#2",
        ),
        "radam_epsilon",
        "radam_pytorch",
        "For one step: at beta2 = 0.999 the length of the average is 4.996 at step 5 and 5.994 at "
        "step 6, so one of them takes its fifth step as momentum and the other rectified.",
        values={"beta1": "0", "beta2": "9/10", "epsilon": "0"},
        setting={"eta": "1/10", "beta1": "9/10", "beta2": "999/1000", "epsilon": "1e-8"},
    ),
    Dispute(
        "AdaDelta: which average of squared steps",
        "An issue proposed to update the average of squared steps before the step is made.",
        ("tensorflow/tensorflow#9058",),
        "adadelta",
        "adadelta_new_accumulator",
        "From the first step on: Zeiler's Algorithm 1 uses the previous average, else a step would "
        "depend on itself.",
    ),
    Dispute(
        "AdaDelta: is the learning rate part of the step that is averaged?",
        "Frameworks multiply AdaDelta's step by a learning rate that the paper does not have. A "
        "change to Keras put it into the averaged squares too.",
        ("keras-team/keras#11532",),
        "adadelta_pytorch",
        "adadelta_scaled_accumulator",
        "When the learning rate is not 1: inside, it also shrinks the unit in which later steps "
        "are measured, and the run all but stops.",
        setting={"eta": "1/10"},
    ),
    Dispute(
        "Lion: does the sign see the weight decay?",
        "A kernel added lambda times the parameter to the gradient, before the sign is taken.",
        ("bitsandbytes-foundation/bitsandbytes#1993",),
        "lion",
        "lion_l2",
        "Always when lambda is not 0: a sign has no size, so the decay either does nothing or "
        "turns the whole step.",
        setting={"eta": "1/10", "lamda": "1/10"},
    ),
    Dispute(
        "Yogi: what the first moment starts from",
        "optax and torch-optimizer start both moments at 1e-6, TensorFlow Addons the second alone.",
        ("jettify/pytorch-optimizer#77",),
        "yogi_optax",
        yogi_zero_start,
        "At gradients of the order of 1e-5 and below, in the first steps.",
        setting=tenth,
    ),
    Dispute(
        "Yogi: a sign inside a square",
        "optax once squared the sign together with the gradient.",
        ("google-deepmind/optax#288",),
        "yogi_squared_sign",
        "yogi_optax",
        "Always: the square of a sign is 1, so the second moment could only grow by fourth powers.",
        setting=tenth,
    ),
    Dispute(
        "Adan: 1 - beta2, or beta2",
        "The paper's weights are those of the new value, code's are those of the old one. optax "
        "0.2.8 kept the paper's letters in two places.",
        ("google-deepmind/optax#1715",),
        "adan_optax",
        "adan",
        "From the second step on, when gradients change: the look-ahead is 0.08 of the difference "
        "of gradients instead of 0.92.",
        setting={"eta": "1/10", "lamda": "0", "epsilon_root": "0"},
        values={"lamda": "0", "epsilon_root": "0"},
    ),
    Dispute(
        "Rprop, one step late",
        "optax 0.2.8 applies the update that the previous step computed.",
        ("google-deepmind/optax#1725",),
        "rprop",
        "rprop_optax",
        "Always: the first step does nothing, and every change of sign is acted on a step late.",
        setting=tenth,
    ),
    Dispute(
        "LAMB: the correction outside the trust ratio",
        "torch-optimizer corrects the bias by scaling the step, whose length the trust ratio has "
        "just fixed.",
        ("jettify/pytorch-optimizer#443",),
        lamb_corrected_outside,
        "lamb",
        "Until the corrections have died out: the first step has 0.316 of the length that LAMB "
        "prescribes.",
        values={"beta1": "9/10", "beta2": "999/1000", "epsilon": "0", "lamda": "0"},
        setting=tenth,
    ),
]

SETTLED = [settle(dispute) for dispute in DISPUTES]
document = disputes_document(
    "Disputes settled",
    "Optimizers of one name differ between papers and frameworks, and issue trackers argue about "
    "it. Here each dispute is two formulas, and what decides between them is a proof for all "
    "gradients, hyperparameters and steps, or the exact difference at the first step at which "
    "there is one. Nothing is tuned and no tolerance is chosen.",
    SETTLED,
)
