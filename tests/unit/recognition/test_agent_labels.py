"""What each label of an agent turn means, on invented turns of many industries and channels."""

from __future__ import annotations

import pytest

from tests.unit.recognition.conversation import agent, labels

KETTLE = "My kettle leaks from the spout every morning, I bought it three weeks ago"
PARCELS = "i ordered four parcels and just two of them came on tuesday, the blue lamp is missing"
WIFI = "the tablet drops off wifi every evening since the update on sunday"
WEDDING = "I need the suit altered before my brother's wedding on Friday, it is far too long"
LOCKED = "locked out of my pension portal, the code goes to my old phone"
FERRY = "the 6 am ferry was cancelled and I stood on the pier with two toddlers for four hours"
VOICE = "um so the heating it cuts out around midnight and then the boiler makes this banging noise"

RECOGNITION = {"situation", "goal", "impact"}


@pytest.mark.parametrize(
    ("customer", "text"),
    [
        pytest.param(WIFI, "So it only drops off wifi in the evening?", id="confirming question"),
        pytest.param(
            WIFI,
            "so its only the tablet and it only drops wifi since the update",
            id="without a mark",
        ),
        pytest.param(
            PARCELS, "Sorry only two of your four parcels arrived.", id="apology names it"
        ),
        pytest.param(KETTLE, "Were sorry your kettle leaks after three weeks ^Jo", id="stripped"),
        pytest.param(
            KETTLE,
            "Sorry the kettle leaks from the spout! Could you send us a photo?",
            id="before a question",
        ),
        pytest.param(
            WIFI,
            "Thanks for confirming the tablet drops wifi every evening.",
            id="thanks that restate",
        ),
        pytest.param(
            VOICE,
            "okay so the boiler is banging and the heating cuts out at midnight",
            id="voice",
        ),
        pytest.param(
            PARCELS, "I see you ordered four parcels and the blue lamp is missing.", id="I see you"
        ),
        pytest.param(WIFI, "Glad the tablet stays on wifi again!", id="good news"),
        pytest.param(
            LOCKED,
            "Dear Ms Orr, your code still goes to the old phone, so the portal stays locked. "
            "Please reply with the new number.",
            id="email",
        ),
    ],
)
def test_situation_shows_a_particular_of_the_account_back(customer: str, text: str) -> None:
    assert "situation" in labels(text, customer)


@pytest.mark.parametrize(
    ("customer", "text"),
    [
        pytest.param(KETTLE, "Which kettle is it?", id="asks for facts"),
        pytest.param(KETTLE, "Where did you buy the kettle?", id="asks about the thing"),
        pytest.param(WIFI, "Restart the router.", id="instructs"),
        pytest.param(
            WIFI, "Please update the tablet and restart it.", id="thing in an instruction"
        ),
        pytest.param(PARCELS, "For your parcels, click here <LINK>", id="topic and a link"),
        pytest.param(PARCELS, "Sorry about your order!", id="scenario's own noun"),
        pytest.param(PARCELS, "Apologies for the delay.", id="what everyone shares"),
        pytest.param(WEDDING, "We understand your concern.", id="formula"),
        pytest.param(WEDDING, "So the fridge hums at night?", id="another case's account"),
        pytest.param(FERRY, "Thank you for your patience.", id="patience"),
        pytest.param(FERRY, "Have a lovely day! ^Kim", id="sign-off"),
        pytest.param(LOCKED, "Happy to look into this for you!", id="offer"),
        pytest.param(LOCKED, "How can I help you today?", id="open question"),
    ],
)
def test_situation_is_not_topic_question_answer_or_courtesy(customer: str, text: str) -> None:
    assert "situation" not in labels(text, customer)


def test_nothing_can_be_shown_back_before_the_customer_spoke() -> None:
    assert not labels("So the kettle leaks from the spout?") & RECOGNITION


@pytest.mark.parametrize(
    ("customer", "text"),
    [
        pytest.param(WEDDING, "I know you need the suit before Friday.", id="needs it by"),
        pytest.param(FERRY, "Let's get you across the water tonight.", id="let us get you"),
        pytest.param(KETTLE, "We want your kettle working too.", id="company wants the outcome"),
        pytest.param(WEDDING, "I hope you find the right suit in time.", id="hope you find"),
        pytest.param(FERRY, "We dont want you to miss the wedding.", id="do not want you to miss"),
        pytest.param(FERRY, "Well have you on your way by noon.", id="on your way"),
    ],
)
def test_goal_is_the_customers_outcome(customer: str, text: str) -> None:
    assert "goal" in labels(text, customer)


@pytest.mark.parametrize(
    "text",
    [
        "Happy to help!",
        "Lets look into this",
        "Well get this sorted.",
        "We want every customer to be delighted.",
        "We would love to help with that.",
        "I'll put you through to our billing team.",
    ],
)
def test_goal_is_not_an_offer_or_the_companys(text: str) -> None:
    assert "goal" not in labels(text, KETTLE)


@pytest.mark.parametrize(
    ("customer", "text"),
    [
        (FERRY, "Four hours on a pier with two toddlers must have been exhausting."),
        (FERRY, "I can imagine how stressful that pier was with toddlers."),
        (WEDDING, "No wonder you are worried, the wedding is on Friday."),
    ],
)
def test_impact_is_tied_to_this_situation(customer: str, text: str) -> None:
    assert "impact" in labels(text, customer)


@pytest.mark.parametrize(
    "text",
    [
        "We understand your frustration",
        "Sorry for any inconvenience caused.",
        "Sorry to hear that!",
        "I understand.",
        "We know how frustrating this is 😔",
        "Apologies for the trouble, Priya",
        "were so sorry about this",
        "Oh no, that doesnt sound good!",
    ],
)
def test_a_formula_is_generic_empathy_and_no_recognition(text: str) -> None:
    found = labels(text, FERRY)
    assert "generic_empathy" in found
    assert not found & RECOGNITION


def test_an_apology_that_names_the_particular_is_not_generic() -> None:
    assert "generic_empathy" not in labels("Sorry the kettle leaks from the spout.", KETTLE)


def test_a_formula_beside_recognition_counts_in_separate_words() -> None:
    found = labels("Sorry for any inconvenience. So the kettle leaks from the spout?", KETTLE)
    assert {"situation", "generic_empathy"} <= found


@pytest.mark.parametrize(
    "text",
    [
        "DM us your e-mail address",
        "Which version is installed?",
        "Could you send me the order number please?",
        "whats the postcode on the account",
        "May I have your policy number and date of birth?",
        "Have you tried another browser?",
        "Member ID?",
        "Can you let us know which store you visited?",
        "I'll need a photo of the label.",
        "Can you let us know the versions youre using?",
        "Could you DM us what happened?",
    ],
)
def test_data_request_asks_for_what_it_needs(text: str) -> None:
    assert "data_request" in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "So the kettle leaks from the spout every morning?",
        "How can I help?",
        "Did that help?",
        "Let us know if you need anything else.",
        "DM us",
        "Here's the new code.",
    ],
)
def test_data_request_is_not_a_confirmation_check_back_or_bare_move(text: str) -> None:
    assert "data_request" not in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "Please restart the router and update the app.",
        "I've refunded the second payment.",
        "You can change the seat under Manage booking.",
        "We have booked a courier for the lamp.",
        "The shop opens at nine on Sundays.",
        "Have you tried restarting it?",
        "go to settings and tap reset",
        "Are you able to restart the router?",
        "It seems the spout was bent by the courier, so the seal never closes.",
    ],
)
def test_resolution_starts_or_gives_the_solving(text: str) -> None:
    assert "resolution" in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "We will investigate your complaint and report back on Monday.",
        "We've received your details.",
        "Sorry to hear that!",
        "One moment please.",
        "What is your postcode?",
        "Have a great day!",
        "Please keep us posted!",
        "Please allow me a moment to check this.",
        "Feel free to reach out if you need anything else.",
        "Unfortunately we cannot refund it because the seal is broken.",
    ],
)
def test_resolution_is_not_courtesy_question_or_hold(text: str) -> None:
    assert "resolution" not in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "We're unable to change the name on a ticket.",
        "Our policy is that opened items stay yours.",
        "Returns need to be made within 30 days of purchase.",
        "Unfortunately we cannot refund that.",
        "we dont offer price matching",
    ],
)
def test_policy_cites_a_rule_or_an_inability(text: str) -> None:
    assert "policy" in labels(text, KETTLE)


@pytest.mark.parametrize("text", ["I've sent a new lid.", "Which model is it?", "Let me check."])
def test_policy_is_not_action_question_or_hold(text: str) -> None:
    assert "policy" not in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "DM us",
        "Please call us on 0555 0100.",
        "I'm passing you to billing.",
        "I've escalated this to our network team.",
        "Please fill in the contact form here <LINK>",
        "reach out to our support team via chat",
        "Kindly contact our team here <LINK>",
        "Please share your details here <LINK>",
        "Ill pass your feedback on to the right team.",
        "I have replied to your DM.",
        "Feel free to call us on 0555 0100 if you need anything else.",
    ],
)
def test_transfer_moves_the_customer_or_the_case(text: str) -> None:
    assert "transfer" in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for reaching out!",
        "Press the reset button.",
        "When did it start?",
        "We'll feed this back.",
        "Well share your comments, thanks!",
        "Feel free to reach out if you need anything else.",
        "Sorry for the trouble youve had contacting our store.",
        "It goes live at 3 pm today.",
    ],
)
def test_transfer_is_not_courtesy_instruction_or_question(text: str) -> None:
    assert "transfer" not in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "Bear with me",
        "Let me check that.",
        "We're looking into it",
        "one moment please",
        "Just a sec",
    ],
)
def test_hold_makes_wait(text: str) -> None:
    assert "hold" in labels(text, KETTLE)


@pytest.mark.parametrize("text", ["Hold the reset button for ten seconds.", "What is on it?"])
def test_hold_is_not_an_instruction_or_a_question(text: str) -> None:
    assert "hold" not in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "Please DM the order number so that we can check the charge.",
        "They will email you within 24 hours.",
        "I'll send the new lid tomorrow and the courier texts you the slot.",
        "Send a photo so I can book the repair.",
    ],
)
def test_next_step_names_the_step(text: str) -> None:
    assert "next_step" in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    ["DM us", "We'll look into it", "Send us a DM so we can help you further", "Happy to help!"],
)
def test_next_step_needs_a_step(text: str) -> None:
    assert "next_step" not in labels(text, KETTLE)


@pytest.mark.parametrize(
    "text",
    [
        "It was declined because the card expired.",
        "The delay is due to a strike at the port.",
        "Since the seal is a wear part, it is not covered.",
    ],
)
def test_reason_explains_why(text: str) -> None:
    assert "reason" in labels(text, KETTLE)


@pytest.mark.parametrize("text", ["We've replaced the card.", "Which card is it?", "Sorry again!"])
def test_reason_is_not_an_outcome(text: str) -> None:
    assert "reason" not in labels(text, KETTLE)


@pytest.mark.parametrize("text", ["", "   ", "🙂", "^JT", "<LINK>", "Thanks, Kim", "Welcome!"])
def test_sign_offs_emoji_and_links_carry_nothing(text: str) -> None:
    assert labels(text, KETTLE) == set()


def test_recognition_first_is_the_order_within_the_turn() -> None:
    before = agent("Sorry the kettle leaks from the spout. What's the order number?", KETTLE)
    after = agent("What's the order number? Sorry the kettle leaks from the spout.", KETTLE)
    assert before.recognition_first
    assert not after.recognition_first
    assert before.labels == after.labels


def test_recognition_without_process_is_first_and_process_alone_is_not() -> None:
    assert agent("So the kettle leaks from the spout?", KETTLE).recognition_first
    assert not agent("What's the order number?", KETTLE).recognition_first


def test_copied_measures_the_customers_own_wording() -> None:
    echo = agent("So the kettle leaks from the spout every morning?", KETTLE)
    own = agent("So each morning water runs out of your new kettle's spout?", KETTLE)
    none = agent("What's the order number?", KETTLE)
    assert echo.copied > 0.5
    assert own.copied < echo.copied
    assert none.copied == 0.0


def test_particulars_count_what_is_shown_back() -> None:
    few = agent("Sorry the kettle leaks.", KETTLE)
    many = agent("Sorry the kettle leaks from the spout every morning, three weeks on.", KETTLE)
    assert 0 < few.particulars < many.particulars
    assert agent("One moment.", KETTLE).particulars == 0


def test_a_number_is_the_same_in_digits_and_words() -> None:
    assert "situation" in labels("Sorry just 2 of your 4 parcels came.", PARCELS)


def test_labels_do_not_depend_on_case_or_apostrophes() -> None:
    written = labels("We're sorry the kettle leaks. What's the order number?", KETTLE)
    stripped = labels("WERE SORRY THE KETTLE LEAKS. WHATS THE ORDER NUMBER?", KETTLE)
    assert written == stripped


@pytest.mark.parametrize(
    ("customer", "text", "label"),
    [
        pytest.param(
            PARCELS, "The driver should have had the lamp on his van too.", "situation", id="owns"
        ),
        pytest.param(
            FERRY, "You shouldn't have been left on the pier.", "situation", id="owns, of you"
        ),
        pytest.param(
            WIFI, "It drops in the evening whatever the room, right?", "situation", id="tag"
        ),
        pytest.param(
            VOICE, "Cuts out around midnight with a bang, noted.", "situation", id="acknowledged"
        ),
        pytest.param(
            WEDDING, "Glad you made it to the ceremony on time.", "situation", id="got there"
        ),
        pytest.param(
            LOCKED,
            "You want the code on a phone that you still own?",
            "goal",
            id="wish in half-grammar",
        ),
        pytest.param(
            WEDDING, "Hopefully we can get that suit fitting you by Friday.", "goal", id="we can"
        ),
        pytest.param(
            FERRY, "That must have been a fright for the little ones.", "impact", id="must have"
        ),
        pytest.param(VOICE, "Not nice at midnight, I know.", "impact", id="dull impact"),
    ],
)
def test_recognition_in_passing(customer: str, text: str, label: str) -> None:
    assert label in labels(text, customer)


@pytest.mark.parametrize(
    ("customer", "text"),
    [
        pytest.param(WIFI, "So does the tablet drop wifi or only lose speed?", id="either"),
        pytest.param(KETTLE, "Bear with me while I look up the kettle, Kim.", id="hold"),
        pytest.param(
            LOCKED, "I will get you to our pension team for the code.", id="to somebody else"
        ),
        pytest.param(WIFI, "Which room are you trying to use the tablet in?", id="asks what for"),
    ],
)
def test_what_only_sounds_like_it(customer: str, text: str) -> None:
    assert not labels(text, customer) & RECOGNITION


def test_what_was_planned_for_this_customer_is_owned_and_an_experience_is_a_formula() -> None:
    owned = "That's not the quiet crossing you were promised."
    assert labels(owned, FERRY) & RECOGNITION == {"situation"}
    formula = "This isn't the kind of experience we want you to have."
    assert labels(formula, FERRY) & (RECOGNITION | {"generic_empathy"}) == {"generic_empathy"}
