"""What is said in the course of a ticket, by both sides. All of it invented."""

REPLIES = [
    "Thank you for the details. I can reproduce this with your settings and have found the rule that causes it. I have "
    "prepared a corrected version next to yours, so that you can compare the two before you switch.",
    "I have looked at the log of the last 24 hours. The first failure follows a change of 08:12 by an integration key "
    "of yours. Until that key is replaced, please keep the sync paused: nothing is lost, it catches up afterwards.",
    "This is a fault on our side. The engineers have the case in hand, and a correction is being rolled out. I will "
    "write again as soon as your account has it, and will check with you that all is well.",
    "You can do this in three steps: open the settings of the object, choose Permissions, and take away “View all” "
    "from the set in question. I have made a short recording with your own screens, it is attached to the article.",
    "I have restored the state of 06:00 from the history. 7,946 of 8,004 records are back as they were; the remaining "
    "58 had been edited by hand since, and I have left these alone. The list is in the export in your account.",
    "Thanks for your patience. The limit was raised to twice the present value for thirty days, which should carry "
    "you over the migration. Let us look together at what it should be for good.",
    "The cause is the change of the clocks: the schedule was kept in UTC. I have moved it to your time zone, and it "
    "follows daylight-saving time from now on. The next run is due at 08:00 your time.",
    "I have checked both domains. The second one lacks the record that proves it is yours; since Tuesday it is "
    "required for new pages. Once the record is there, the pages appear within an hour.",
]
QUESTIONS = [
    "To narrow this down I need two things from you: the time of one failed attempt, and the address of the person who "
    "made it. A screenshot with the browser's console open would help as well.",
    "Could you tell me whether this happens in a private window, too? And may I look at the workflow with your rights "
    "for an hour? I would only read.",
    "Before I change anything: which of the two values is right for you, the one in the list or the one on the record?",
]
FOLLOW_UPS = [
    "Thank you, that is much better already. One more thing: the same seems to happen in our second portal.",
    "We have done as you said. It works for new records; the old ones still show the former value.",
    "Here is what you asked for: the last attempt was at 09:47, by our colleague in the back office.",
    "Is there any news? Our management asks me every hour.",
    "Sorry, it is back again since lunchtime. Nothing was changed at our side.",
    "That worked, thank you! Could you also tell us how to prevent it next time?",
]
SOLUTIONS = [
    "I am glad it works. I am closing this ticket; just reply should anything be left.",
    "The correction has reached your account, and I have checked it with a test record. All is well again.",
    "As agreed on the phone, this is done. You will find the summary below for your records.",
]
NOTES = [
    "Same pattern as the case of last Thursday. Check the integration key first.",
    "Spoke to engineering: known, correction planned for tomorrow 06:00 UTC.",
    "Customer is in the middle of a migration, be generous with the limit.",
    "Looks like configuration, not a fault. The setting was changed by their own admin yesterday.",
    "Handing over at the end of my shift; all that is known so far is in the last reply.",
]
CONFIRMED = [
    "Customers cannot buy, all regions are affected.",
    "Everybody is locked out. Confirmed with two of their colleagues on the phone.",
    "Data of customers is being changed wrongly at this moment.",
]
DECLINED = [
    "The issue affects five people, and there is a workaround. It is treated as a standard issue: 1 hour.",
    "Sending is delayed but nothing has stopped or is lost. We treat it as a standard issue, answered within 1 hour.",
]
# Of an exception: what speaks for it, by its code. In brackets what a lead or manager said who refused it.
EVIDENCE = {
    "insufficient-information": (
        "The address of the page came with their second message; before that there was nothing to look at.",
        "The first message named the page. We could have begun with that.",
    ),
    "declared-incident": (
        "Incident 4471 was declared and announced; the status page gave the answers meanwhile.",
        "The incident was over an hour before this ticket came in.",
    ),
    "third-party": (
        "The supplier's gateway was down, their case 88-2041. See the note with the log.",
        "Their outage did not keep us from answering.",
    ),
    "not-confirmed-critical": (
        "Claimed as critical; five people, and there is a workaround. It is declined with that reason.",
        "It was declined after the 30 minutes had passed: that is ours.",
    ),
}
CAUSE_NOTES = {
    "unassigned": "Nobody took it for 40 minutes at the change of shifts.",
    "capacity": "Two critical issues at the same time, one specialist on duty.",
    "misrouted": "Went to the wrong team first; hub chosen wrongly in the form.",
    "owner_absent": "Owner ill, not handed over.",
    "system_fault": "Notices were delayed by the mail server.",
}
