Feature: Lines that travel together are taken or refused one by one
  A batch is only how they travel: what the ERP refuses of it is a person's, and holds back nothing else.

  Background:
    Given the ERP takes time in batches
    And legal entity DE01 keeps its books in EUR, with tax profile standard
    And service line advisory comes with the work packages analysis and delivery
    And customer C-1 trades with DE01
    And deal ENG-1 with C-1 is won for DE01, at 100.00 EUR an hour

  Scenario: Half a batch is refused
    Given the ERP refuses 8 hours, and what it does not have
    When sheets of 8 and of 4 hours on ENG-1 are approved at once
    Then the ERP was sent 2 lines in one request
    And finance is asked about the sheet: refused
    And the ERP has 400.00 EUR booked on ENG-1
    When the ERP refuses nothing any more
    And finance retries the sheet
    Then the ERP has 1200.00 EUR booked on ENG-1
    And no case stands open
