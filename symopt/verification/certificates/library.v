Require Import Reals Lra Lia.
Open Scope R_scope.

(* What is used of roots, signs and powers. *)

Lemma root_unique : forall a r, 0 <= r -> r * r = a -> sqrt a = r.
Proof. intros a r H E. rewrite <- E. apply sqrt_square. exact H. Qed.

Lemma root_exists : forall a, 0 <= a -> exists r, 0 <= r /\ r * r = a.
Proof. intros a H. exists (sqrt a). split. apply sqrt_pos. apply sqrt_sqrt. exact H. Qed.

Lemma root_positive : forall a, 0 < a -> exists r, 0 < r /\ r * r = a.
Proof.
  intros a H. exists (sqrt a). split. apply sqrt_lt_R0. exact H. apply sqrt_sqrt. lra.
Qed.

Lemma sign_exists : forall f, exists z, 0 <= z * f /\ z * z * f = f /\ z * z * z = z.
Proof.
  intros f. destruct (Rlt_dec f 0) as [H|H].
  - exists (-1). repeat split; lra.
  - exists 1. repeat split; lra.
Qed.

Lemma power_below_one : forall b t, 0 <= b < 1 -> (1 <= t)%nat -> 0 <= b ^ t < 1.
Proof.
  intros b t [H L] N. split. apply pow_le. exact H.
  destruct t as [|k]. lia. clear N. simpl. induction k as [|k I]; simpl; try lra.
  assert (0 <= b ^ k) by (apply pow_le; exact H). simpl in I. nra.
Qed.

Lemma power_step : forall b t, (1 <= t)%nat -> b ^ t = b * b ^ (t - 1).
Proof. intros b t N. destruct t as [|k]. lia. simpl. rewrite Nat.sub_0_r. reflexivity. Qed.

Lemma nonneg_top : forall a b, 0 < b -> 0 <= a / b -> 0 <= a.
Proof.
  intros a b B H. replace a with (a / b * b) by (field; lra). apply Rmult_le_pos; lra.
Qed.

Lemma positive_root : forall r, 0 <= r -> r <> 0 -> 0 < r.
Proof. intros r H N. destruct H as [H|H]. exact H. congruence. Qed.

Lemma square_nonneg : forall a, 0 <= a * a.
Proof. intros a. exact (Rle_0_sqr a). Qed.

Ltac nonneg :=
  solve
    [ lra
    | apply square_nonneg
    | apply Rplus_le_le_0_compat; nonneg
    | apply Rmult_le_pos; nonneg
    | apply pow_le; nonneg
    | left; apply Rinv_0_lt_compat; first [ lra | apply Rmult_lt_0_compat; lra ]
    | match goal with H : 0 <= ?a / ?b |- 0 <= ?p =>
        replace p with a by ring; apply (nonneg_top a b); [ lra | exact H ] end
    | match goal with H : 0 <= ?a |- 0 <= ?p => replace p with a by ring; exact H end
    | nra ].

(* A product differs from zero where both of its factors do. *)
Ltac factors H :=
  lazymatch type of H with
  | _ * _ <> 0 =>
      let K := fresh in
      apply Rmult_neq_0_reg in H; destruct H as [H K]; factors H; factors K
  | _ => idtac
  end.

Ltac positive := solve [ lra | nra ].

(* A divisor e differs from zero because another one, d, does, and d is zero where e is. *)
Ltac nonzero :=
  match goal with
  | |- _ /\ _ => split; nonzero
  | |- _ <> 0 =>
      first
        [ assumption
        | lra
        | match goal with H : ?d <> 0 |- ?e <> 0 =>
            let C := fresh in
            intro C; apply H; first [ lra | field_simplify_eq; [ lra | nonzero ] ] end ]
  end.
