package intervals

// ends keeps the smallest and the largest of many numbers. It is faster than sorting all of them,
// because few are kept.
type ends struct {
	smallest, largest []float64 // ascending, and descending; at most size
	size              int
}

// newEnds returns ends that keep size numbers at each end, at least one.
func newEnds(size int) *ends { return &ends{size: size} }

func (e *ends) add(x float64) {
	e.smallest = insert(e.smallest, x, e.size, func(a, b float64) bool { return a < b })
	e.largest = insert(e.largest, x, e.size, func(a, b float64) bool { return a > b })
}

// low returns the last of the smallest numbers, high that of the largest.
func (e *ends) low() float64  { return e.smallest[len(e.smallest)-1] }
func (e *ends) high() float64 { return e.largest[len(e.largest)-1] }

// insert inserts x into a sorted list, which keeps at most size numbers.
func insert(list []float64, x float64, size int, before func(a, b float64) bool) []float64 {
	if len(list) == size {
		if !before(x, list[size-1]) {
			return list
		}
		list = list[:size-1]
	}
	list = append(list, x)
	for i := len(list) - 1; i > 0 && before(list[i], list[i-1]); i-- {
		list[i], list[i-1] = list[i-1], list[i]
	}
	return list
}
