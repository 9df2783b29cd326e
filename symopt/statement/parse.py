"""placeholder until the parser lands"""
import sympy
def parse_expression(text, symbols):
    return sympy.parse_expr(text, local_dict=dict(symbols), rational=True) if hasattr(sympy,'parse_expr') else None
