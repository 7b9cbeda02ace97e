package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParsePositions parses a list of Nym-APIs, numbered from 1, such as "1,3". The error is a
// [*FlagError] about that flag.
func ParsePositions(flag, list string) ([]int, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var positions []int
	for field := range strings.SplitSeq(list, ",") {
		number, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return nil, wrong(flag, list, "numbers of Nym-APIs from 1, separated by commas", fmt.Sprintf("give --%s 1,3", flag))
		}
		positions = append(positions, number)
	}
	return positions, nil
}

// roles are the Nym-APIs that lie and those that never run, by number from 1 in ascending order.
type roles struct{ liars, offline []int }

func (r roles) lies(number int) bool      { return slices.Contains(r.liars, number) }
func (r roles) isOffline(number int) bool { return slices.Contains(r.offline, number) }

// positions returns the roles of that many Nym-APIs.
func (c Config) positions(nodes int) (roles, error) {
	var r roles
	var err error
	if r.liars, err = place("liars", c.Liars, c.LiarsAt, nodes, 1); err != nil {
		return roles{}, err
	}
	if r.offline, err = place("offline", c.Offline, c.OfflineAt, nodes, nodes-c.Offline+1); err != nil {
		return roles{}, err
	}
	for _, number := range r.liars {
		if r.isOffline(number) {
			return roles{}, wrong("offline", c.Offline, fmt.Sprintf("Nym-API %d either to lie or to be offline", number),
				"give fewer --liars or --offline, more --nodes, or other --liars-at and --offline-at")
		}
	}
	if c.Single < 1 || c.Single > nodes {
		return roles{}, wrong("single", c.Single, fmt.Sprintf("the number of a Nym-API, 1 to %d", nodes), "give --single 1")
	}
	return r, nil
}

// place returns the list if it is not nil, otherwise count numbers starting with first.
func place(flag string, count int, list []int, nodes, first int) ([]int, error) {
	if count < 0 || count > nodes {
		return nil, wrong(flag, count, fmt.Sprintf("0 to %d, the number of Nym-APIs", nodes), "give fewer, or more --nodes")
	}
	if list == nil {
		numbers := make([]int, count)
		for i := range numbers {
			numbers[i] = first + i
		}
		return numbers, nil
	}
	if count != len(list) {
		return nil, wrong(flag, count, fmt.Sprintf("the %d that --%s-at lists", len(list), flag), "remove one of the two flags")
	}
	numbers := slices.Clone(list)
	slices.Sort(numbers)
	for i, number := range numbers {
		if number < 1 || number > nodes || i > 0 && number == numbers[i-1] {
			return nil, wrong(flag+"-at", joinInts(list), fmt.Sprintf("different numbers from 1 to %d", nodes), fmt.Sprintf("give --%s-at 1,3", flag))
		}
	}
	return numbers, nil
}

func joinInts(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, number := range numbers {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ",")
}
