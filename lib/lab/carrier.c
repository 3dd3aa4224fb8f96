/*
 * Carrier: the cable at a host, pulled and put back.
 *
 * A veth has carrier while both of its ends are up, so the far end is set down. On a path lab
 * that end is the box's, which has no address: only the host sees anything. On a plain pair it is
 * the other host's own interface, whose kernel then drops its routes and neighbours as for any
 * interface that is switched off; a case that asks what the far host sees belongs on a path lab.
 */
#include "internal.h"

/* A box has none, nor has a host whose kernel is to stay silent. */
static bool has_address(const struct sp_lab *lab, enum sp_place place)
{
    return place != SP_PLACE_BOX && !lab->config.mute[place];
}

/* Sets a link up or down from its own place. */
static enum sp_rc set_far(const struct sp_lab *lab, const struct sp_lab_link *far, bool on,
                          struct sp_err *err)
{
    struct sp_lab_nl nl;
    enum sp_rc rc = sp_lab_enter(lab, far->place, err);

    if (rc != SP_OK)
        return rc;
    rc = sp_lab_nl_open(&nl, 0, err);
    if (rc != SP_OK)
        return rc;
    sp_lab_nl_add_updown(&nl, far->ifindex, on);
    if (on && has_address(lab, far->place))
        sp_lab_nl_add_end(&nl, lab, far->place);
    rc = sp_lab_nl_flush(&nl, err);
    sp_lab_nl_release(&nl);
    return rc;
}

/* Waits until the place's interface shows it; back on, gives it what the kernel may have dropped.
 */
static enum sp_rc settle(const struct sp_lab *lab, const struct sp_lab_link *link, bool on,
                         struct sp_err *err)
{
    struct sp_lab_nl nl;
    struct sp_lab_link_state state;
    enum sp_rc rc = sp_lab_enter(lab, link->place, err);

    if (rc != SP_OK)
        return rc;
    rc = sp_lab_nl_open(&nl, 0, err);
    if (rc != SP_OK)
        return rc;
    rc = sp_lab_nl_wait_carrier(&nl, link, on, &state, err);
    if (rc == SP_OK && on && has_address(lab, link->place)) {
        sp_lab_nl_add_end(&nl, lab, link->place);
        rc = sp_lab_nl_flush(&nl, err);
    }
    sp_lab_nl_release(&nl);
    return rc;
}

enum sp_rc sp_lab_carrier(struct sp_lab *lab, enum sp_place place, bool on, struct sp_err *err)
{
    const struct sp_lab_link *far = sp_lab_far_link(lab, place);

    if (far == NULL)
        return sp_fail(err, SP_E_UNSUPPORTED, "the %s of this lab has no cable to pull",
                       place < SP_PLACE_COUNT ? sp_lab_place_name(place) : "place");
    enum sp_rc rc = set_far(lab, far, on, err);
    if (rc == SP_OK)
        rc = settle(lab, sp_lab_own_link(lab, place), on, err);
    /* The far end's own queue is switched on in the background too. */
    if (rc == SP_OK && on)
        rc = settle(lab, far, on, err);
    enum sp_rc left = sp_lab_leave(lab, rc == SP_OK ? err : NULL);
    return rc != SP_OK ? rc : left;
}
