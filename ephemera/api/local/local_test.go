package local_test

import (
	"testing"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
)

func TestAPIInTheProcess(t *testing.T) {
	apitest.Run(t, func(_ *testing.T, of api.API) api.API { return of })
}
