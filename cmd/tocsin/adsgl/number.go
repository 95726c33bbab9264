package adsgl

import (
	"errors"
	"strings"

	"tocsin/rules/money"
)

var (
	errAmount    = errors.New("is not an amount: want digits, an optional sign and a decimal mark")
	errAmbiguous = errors.New("is ambiguous: the mark may separate thousands or decimals; say --decimal . or --decimal ,")
	errEmptyCell = errors.New("is empty")
)

// parseAmount reads an amount as ledgers print it, exactly. Next to the plain
// form it takes a sign behind the digits (SAP), parentheses for a negative
// amount, leading zeros and separators of thousands. mark is the decimal mark
// when the caller was told it, or 0: then it is the point, and a single comma
// in front of three digits is refused, because 1,234 may be either.
func parseAmount(s string, mark byte) (money.Amount, error) {
	if s == "" {
		return money.Amount{}, errEmptyCell
	}
	negative := false
	switch {
	case s[0] == '(' && s[len(s)-1] == ')':
		negative, s = true, s[1:len(s)-1]
	case s[0] == '-' || s[0] == '+':
		negative, s = s[0] == '-', s[1:]
	case s[len(s)-1] == '-' || s[len(s)-1] == '+':
		negative, s = s[len(s)-1] == '-', s[:len(s)-1]
	}
	decimal, thousands := byte('.'), byte(',')
	if mark == ',' {
		decimal, thousands = ',', '.'
	}
	whole, fraction, pointed := strings.Cut(s, string(decimal))
	groups := strings.Split(whole, string(thousands))
	if len(groups) > 1 {
		if len(groups) == 2 && !pointed && mark == 0 {
			return money.Amount{}, errAmbiguous
		}
		if n := len(groups[0]); n == 0 || n > 3 {
			return money.Amount{}, errAmount
		}
		for _, g := range groups[1:] {
			if len(g) != 3 {
				return money.Amount{}, errAmount
			}
		}
		whole = strings.Join(groups, "")
	}
	if !digits(whole) || !digits(fraction) || whole+fraction == "" {
		return money.Amount{}, errAmount
	}
	plain := strings.TrimLeft(whole, "0")
	if plain == "" {
		plain = "0"
	}
	if fraction != "" {
		plain += "." + fraction
	}
	a, err := money.Parse(plain)
	if err != nil {
		return money.Amount{}, err
	}
	if negative {
		a = a.Neg()
	}
	return a, nil
}

// digits reports whether s has nothing but digits; "" has.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// side is the side of a line.
type side byte

const (
	debit  side = 'D'
	credit side = 'C'
)

func (s side) String() string {
	if s == credit {
		return "C"
	}
	return "D"
}

var sides = map[string]side{
	"d": debit, "dr": debit, "debit": debit, "s": debit, "soll": debit,
	"c": credit, "cr": credit, "credit": credit, "h": credit, "haben": credit,
}

var errSide = errors.New("is not an indicator: want D, DR, Debit or S, C, CR, Credit or H")

func parseSide(s string) (side, error) {
	if s == "" {
		return 0, errEmptyCell
	}
	v, ok := sides[strings.ToLower(s)]
	if !ok {
		return 0, errSide
	}
	return v, nil
}
