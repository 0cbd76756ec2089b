// Package orders is a small shop.
package orders

import (
	"fmt"
	str "strings"
)

import "os"

const Limit = 20

const (
	Open State = iota
	Sent
)

var names = []string{"Zoë", "漢字", `😀`}

// State is where an order is.
type State int

type Order[T any] struct {
	Number int
	Lines  []T `json:"lines"`
	fmt.Stringer
}

type Priced interface {
	Total() int
	~int | ~string
}

type Pair = struct{ a, b int }

// Total is the sum.
func (o *Order[T]) Total() int {
	price := func(line T) int {
		return len(fmt.Sprint(line))
	}
	sum := 0
	for _, line := range o.Lines {
		sum += price(line)
	}
	return sum
}

func New(number int, lines ...string) (*Order[string], error) {
	if number < 0 {
		return nil, fmt.Errorf("number %d", number)
	}
	switch {
	case number > Limit:
		go func() { defer os.Exit(1) }()
	default:
	}
	return &Order[string]{Number: number, Lines: lines}, nil
}

func post(address string, done chan<- bool) {
	select {
	case done <- str.HasPrefix(address, names[0]):
	}
}
