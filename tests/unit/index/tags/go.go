// Package sample is a sample.
package sample

import "fmt"

import (
	"context"
	. "dot"
	_ "side"

	alias "example.com/module/v2" // why "quoted"
)

// Limit is the limit.
const Limit = 10

const (
	// First is the first.
	First Kind = iota
	Second
	third, fourth = 3, 4
)

var global, other int

var (
	errNotFound = errors.New("not found")
	handler     = func() { inner := 1; _ = inner }
)

// Kind is a kind.
type Kind int

type (
	// Point is a point.
	Point struct {
		X, Y int
		// Name names it.
		Name string `json:"name"`
		*Embedded
		pkg.Qualified
		nested struct {
			Deep int
		}
	}
	Callback func(x int) error
)

type Alias = Point

// Drawer draws.
type Drawer interface {
	fmt.Stringer
	// Draw draws.
	Draw(ctx context.Context, x int) (n int, err error)
}

type Set[T comparable] map[T]struct{}

// Draw draws a point.
func (p *Point) Draw(ctx context.Context, x int) (n int, err error) {
	local := 1
	type inside struct{ a int }
	return local, nil
}

func (Set[T]) Len() int { return 0 }

// New makes one.
func New[T any](
	x T,
) *Point {
	return nil
}

func assembly(x uint64) uint64

func init() {}
