package admission

// generations remembers what was added last, in two generations of bounded size. The zero value is
// unusable.
type generations[K comparable, V any] struct {
	new, old map[K]V
	most     int // in each
}

func newGenerations[K comparable, V any](most int) generations[K, V] {
	return generations[K, V]{new: make(map[K]V), most: most}
}

func (g *generations[K, V]) find(key K) (value V, ok bool) {
	if value, ok = g.new[key]; !ok {
		value, ok = g.old[key]
	}
	return value, ok
}

// put adds a value. When a generation is full, a new one begins and the older one is dropped.
func (g *generations[K, V]) put(key K, value V) {
	if len(g.new) >= g.most {
		g.old, g.new = g.new, make(map[K]V, g.most)
	}
	g.new[key] = value
}

func (g *generations[K, V]) drop(key K) {
	delete(g.new, key)
	delete(g.old, key)
}
